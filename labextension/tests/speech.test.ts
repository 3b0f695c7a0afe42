/** A screen reader is told finished sentences, and of code only that it is there. */

import { sentencesOf } from '../src/speech';

const ANSWER = 'Take the **mean**, e.g. of `df`. Then\nplot it:\n\n```python\nx = 1\ny = 2\n```\n\n- one\n- two';

test('a sentence is told once it has ended', () => {
  expect(sentencesOf('It is. And th', false)).toEqual(['It is.']);
  expect(sentencesOf('It is. And that', true)).toEqual(['It is.', 'And that']);
});

test('marks are not read out, code is only counted, list items are sentences', () => {
  expect(sentencesOf(ANSWER, true)).toEqual([
    'Take the mean, e.g.',
    'of df.',
    'Then plot it:',
    'Code of 2 lines.',
    'one',
    'two'
  ]);
});

test('what was told stays as it was told while the answer grows', () => {
  const pieces = [...ANSWER].map((_, end) => sentencesOf(ANSWER.slice(0, end), false));
  const last = pieces[pieces.length - 1];
  for (const told of pieces) {
    expect(last.slice(0, told.length)).toEqual(told);
  }
});

test('names keep their underscores', () => {
  expect(sentencesOf('Set max_tokens to __1__ or 2*3*4.', true)).toEqual([
    'Set max_tokens to 1 or 2*3*4.'
  ]);
});
