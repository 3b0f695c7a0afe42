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
