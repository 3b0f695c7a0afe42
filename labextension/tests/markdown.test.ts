/** An answer is parted into prose and code as Markdown would part it. */

import { fenced, segmentsOf } from '../src/markdown';

const kinds = (text: string) => segmentsOf(text).map(({ kind, text }) => [kind, text]);

test('fences become code blocks, whatever is inside them', () => {
  const text = 'Do:\n```python\na\n\n# ~~~\n```\nthen\n~~~~\n```\n~~~\n~~~~\nend';
  expect(kinds(text)).toEqual([
    ['prose', 'Do:'],
    ['code', 'a\n\n# ~~~'],
    ['prose', 'then'],
    ['code', '```\n~~~'],
    ['prose', 'end']
  ]);
  expect(segmentsOf(text)[1].language).toBe('python');
});

test('a fence that is still open is code already', () => {
  expect(kinds('```py\nx = 1')).toEqual([['code', 'x = 1']]);
});

test('the indentation of a fence is not part of its code', () => {
  expect(kinds('- x\n\n  ```py\n  if a:\n    b\n\n  ```')[1][1]).toBe('if a:\n  b\n');
});

test('back-ticks within a line open nothing', () => {
  expect(kinds('``` a ``` b')).toEqual([['prose', '``` a ``` b']]);
});

test('what JupyterLab would draw is shown as code', () => {
  expect(fenced('graph TD', 'mermaid')).toBe('```text\ngraph TD\n```');
  expect(fenced('x', '"><img>')).toBe('```text\nx\n```');
  expect(fenced('a ``` b', 'python')).toBe('````python\na ``` b\n````');
  const listed = '10. x\n\n    ```mermaid\n    graph TD\n    ```';
  expect(kinds(listed)).toEqual([['prose', listed.replace('mermaid', 'text')]]);
});

test('prose is parted where an empty line ends what stands before it', () => {
  expect(kinds('# A\n\nb\nc\n\n> d\n\n| e |\n|---|')).toEqual([
    ['prose', '# A\n'],
    ['prose', 'b\nc\n'],
    ['prose', '> d\n'],
    ['prose', '| e |\n|---|']
  ]);
});

test('a list stays whole over empty lines, and ends before what is none of it', () => {
  expect(kinds('Do:\n1. a\n\n   more\n\n2. b\n\nend')).toEqual([
    ['prose', 'Do:\n1. a\n\n   more\n\n2. b\n'],
    ['prose', 'end']
  ]);
});

test('what is parted stays as it is while the text grows', () => {
  const text = 'a\n\nb\n\n- c\n\n- d\n\n```py\ne\n\nf\n```\n\ng\n\nh';
  const whole = kinds(text);
  for (let end = 0; end < text.length; end++) {
    const finished = kinds(text.slice(0, end)).slice(0, -1);
    expect(whole.slice(0, finished.length)).toEqual(finished);
  }
});
