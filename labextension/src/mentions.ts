/**
 * The `@` mentions in a question: `@df`, `@cell:3`, `@etl/clean.py`. A mention stays in the text as
 * it was typed; what is in the text is what the question carries.
 */

import type { ICell } from './notebook';
import type { IAttachment, ICompletion, IMention } from './protocol';

/** What can be mentioned: what the kernel looks up, or a cell, by its place counted from 1. */
export interface IMentionable {
  kind: ICompletion['kind'] | 'cell';
  name: string;
  detail: string;
}

const MOST_CELLS = 8; // offered at once
const FIRST_LINE = 60; // characters of it

/** The mention that is being typed before the caret: where its @ is, and what follows that. */
export function typedMention(
  text: string,
  caret: number
): { at: number; typed: string } | undefined {
  const found = /(?:^|[\s([{"'`,;])@([^\s@]*)$/.exec(text.slice(0, caret));
  return found ? { at: caret - found[1].length - 1, typed: found[1] } : undefined;
}

/** The names after an @ in a text, whatever they may be. */
export function namesIn(text: string): string[] {
  const names = [];
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const found = /^@[\p{L}\p{N}_][^\s@]*/u.exec(text.slice(at));
    if (found !== null && typedMention(text, at + 1) !== undefined) {
      names.push(found[0].slice(1).replace(/[^\p{L}\p{N}_]+$/u, ''));
    }
  }
  return names;
}

/** The cells of a notebook as they can be mentioned, in their order. */
export function mentionableCells(cells: readonly ICell[]): IMentionable[] {
  return cells.map((cell, index) => ({
    kind: 'cell',
    name: `cell:${index + 1}`,
    detail: firstLine(cell.source)
  }));
}

/** The cells that what is typed can be completed to: by their place, or by their first line. */
export function matchingCells(cells: readonly ICell[], typed: string): IMentionable[] {
  const wanted = typed.toLowerCase();
  return mentionableCells(cells)
    .filter(({ name, detail }) => name.startsWith(wanted) || detail.toLowerCase().includes(wanted))
    .slice(0, MOST_CELLS);
}

/** What a text mentions of what is known, each once, in the order of the text. */
export function mentionedIn(text: string, known: readonly IMentionable[]): IMentionable[] {
  const found = places(text, known).map(({ mention }) => mention);
  return [...new Set(found)];
}

/** The text with a mention no longer marked as one: its @ is taken away. */
export function withoutMention(
  text: string,
  mention: IMentionable,
  known: readonly IMentionable[]
): string {
  return places(text, known)
    .filter(place => place.mention === mention)
    .reduceRight((left, { at }) => left.slice(0, at) + left.slice(at + 1), text);
}

/** What the kernel looks up of the mentions. */
export function lookedUp(mentions: readonly IMentionable[]): IMention[] {
  const found: IMention[] = [];
  for (const { kind, name } of mentions) {
    if (kind !== 'cell') {
      found.push({ kind, name });
    }
  }
  return found;
}

/** The mentioned cells as they stand in the notebook now. */
export function attachedCells(
  mentions: readonly IMentionable[],
  cells: readonly ICell[]
): IAttachment[] {
  const found: IAttachment[] = [];
  for (const { kind, name } of mentions) {
    const cell = kind === 'cell' ? cells[Number(name.slice('cell:'.length)) - 1] : undefined;
    if (cell !== undefined) {
      found.push({ label: `@${name}, a ${cell.type} cell`, text: cell.source });
    }
  }
  return found;
}

/** Where a text mentions something known: the longest name that fits there. */
function places(
  text: string,
  known: readonly IMentionable[]
): { at: number; mention: IMentionable }[] {
  const found = [];
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const [mention] = known
      .filter(({ name }) => text.startsWith(name, at + 1) && endsName(text, at + 1 + name.length))
      .sort((one, other) => other.name.length - one.name.length);
    if (mention !== undefined && typedMention(text, at + 1) !== undefined) {
      found.push({ at, mention });
    }
  }
  return found;
}

/** Whether a name can end there; `@df.columns` mentions df, `@df2` and `@df/x` do not. */
function endsName(text: string, end: number): boolean {
  return !/^[\p{L}\p{N}_/:]/u.test(text.slice(end, end + 2));
}

/** What tells a cell apart: the first line that is not blank. */
export function firstLine(source: string): string {
  const line = source.split('\n').find(one => one.trim()) ?? '(empty)';
  return line.trim().slice(0, FIRST_LINE);
}
