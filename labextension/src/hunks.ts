/** The differences between two texts, in whole lines, each of which can be taken or left. */

import { Change, Chunk, diff } from '@codemirror/merge';
import { Text } from '@codemirror/state';

const SCANNED = 500; // characters that are compared one by one, as the merge view does by itself

/** How texts are compared; the merge view has to do it in the same way. */
export const COMPARE = {
  override: (a: string, b: string): readonly Change[] => {
    const changes = diff(a, b, { scanLimit: SCANNED });
    return changes.map((change, index) => downward(change, a, b, changes[index + 1]?.fromA));
  }
};

/** A text and the one that may take its place. */
export interface ITexts {
  before: string;
  after: string;
}

/** The differences from the first to the last; positions are in characters. */
export function hunksOf({ before, after }: ITexts): readonly Chunk[] {
  return Chunk.build(documentOf(before), documentOf(after), COMPARE);
}

/** The texts after a hunk was taken or left, so that they do not differ in it any more. */
export function settle({ before, after }: ITexts, hunk: Chunk, take: boolean): ITexts {
  const old = linesIn(before, hunk.fromA, hunk.toA);
  const fresh = linesIn(after, hunk.fromB, hunk.toB);
  return take
    ? { before: withLines(before, old, fresh.lines), after }
    : { before, after: withLines(after, fresh, old.lines) };
}

/** A document with exactly these lines; CodeMirror would take a carriage return for their end. */
export function documentOf(text: string): Text {
  return Text.of(text.split('\n'));
}

interface ISpan {
  start: number;
  lines: string[];
}

/** The lines from a position to another, which may be one behind the text. */
function linesIn(text: string, from: number, to: number): ISpan {
  const [start, end] = [from, to].map(at => `${text}\n`.slice(0, at).split('\n').length - 1);
  return { start, lines: text.split('\n').slice(start, end) };
}

function withLines(text: string, { start, lines }: ISpan, others: string[]): string {
  const all = text.split('\n');
  all.splice(start, lines.length, ...others);
  return all.join('\n');
}

/**
 * The merge view loses an empty line that comes or goes above another one; below it, the same
 * change is seen. `end` is where the next change begins.
 */
function downward(change: Change, a: string, b: string, end = a.length): Change {
  let { fromA, toA, fromB, toB } = change;
  const text = a.slice(fromA, toA) + b.slice(fromB, toB);
  while (text === '\n' && a[toA] === '\n' && b[toB] === '\n' && toA < end) {
    [fromA, toA, fromB, toB] = [fromA + 1, toA + 1, fromB + 1, toB + 1];
  }
  return new Change(fromA, toA, fromB, toB);
}
