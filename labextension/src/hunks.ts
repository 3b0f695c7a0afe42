/** The differences between two texts, in whole lines, each of which can be taken or left. */

import { Chunk } from '@codemirror/merge';
import { Text } from '@codemirror/state';

/** How far texts are compared letter by letter; the merge view has to do it in the same way. */
export const COMPARE = { scanLimit: 500 };

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
