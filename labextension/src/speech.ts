/** What a screen reader is told of an answer while it is written. */

import { segmentsOf } from './markdown';

const END = /(?<=[.!?:…]["')\]»”’*_]*)\s+|\n\s*\n|\n(?=[ \t]*(?:[-*+|#>]|\d+[.)])\s?)/;
const LINE_START = /^[ \t]*(?:[-*+>]|#{1,6}|\d+[.)])[ \t]+/;
const MARKS = /\*\*|__|`|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)/g;

/** The finished sentences of an answer; of code only that it is there. */
export function sentencesOf(answer: string, over: boolean): string[] {
  const segments = segmentsOf(answer);
  return segments.flatMap(({ kind, text }, index) => {
    const isOpen = !over && index === segments.length - 1;
    if (kind === 'code') {
      return isOpen ? [] : [`Code of ${count(text.split('\n').length, 'line')}.`];
    }
    const sentences = text.split(END);
    const finished = isOpen ? sentences.slice(0, -1) : sentences;
    return finished.map(plain).filter(Boolean);
  });
}

function plain(sentence: string): string {
  return sentence.replace(LINE_START, '').replace(MARKS, '').replace(/\s+/g, ' ').trim();
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}
