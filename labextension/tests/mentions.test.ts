/** Mentions: found where they are typed, completed, carried, taken back. */

import {
  attachedCells,
  type IMentionable,
  lookedUp,
  matchingCells,
  mentionableCells,
  mentionedIn,
  namesIn,
  typedMention,
  withoutMention
} from '../src/mentions';

const CELLS = [
  { id: 'a', type: 'code', source: 'import pandas as pd' },
  { id: 'b', type: 'markdown', source: '\n# Load\ntext' },
  { id: 'c', type: 'code', source: '' }
];
const known: IMentionable[] = [
  { kind: 'variable', name: 'df', detail: 'DataFrame' },
  { kind: 'variable', name: 'df2', detail: 'DataFrame' },
  { kind: 'file', name: 'etl/clean.py', detail: '' },
  { kind: 'file', name: 'my notes.txt', detail: '' },
  { kind: 'symbol', name: 'größe', detail: '' },
  ...mentionableCells(CELLS)
];

function names(text: string): string[] {
  return mentionedIn(text, known).map(({ name }) => name);
}

test.each([
  ['@', 1, { at: 0, typed: '' }],
  ['see @df', 7, { at: 4, typed: 'df' }],
  ['see @df', 6, { at: 4, typed: 'd' }],
  ['(@etl/cl', 8, { at: 1, typed: 'etl/cl' }],
  ['see\n@x', 6, { at: 4, typed: 'x' }],
  ['see @df ', 8, undefined],
  ['me@home', 7, undefined],
  ['@@', 2, undefined]
])('in %j at %d the mention being typed is %j', (text, caret, expected) => {
  expect(typedMention(text, caret)).toEqual(expected);
});

test.each([
  ['what is @df?', ['df']],
  ['@df2 and @df, then @df again', ['df2', 'df']],
  ['@df.columns', ['df']],
  ['@df3 @df/x me@df @unknown', []],
  ['@etl/clean.py.', ['etl/clean.py']],
  ['@my notes.txt says', ['my notes.txt']],
  ['@größe', ['größe']],
  ['(@cell:2)', ['cell:2']],
  ['@cell:22', []]
])('%j mentions %j', (text, expected) => {
  expect(names(text)).toEqual(expected);
});

test('a mention that is removed leaves its name in the text', () => {
  const [df] = mentionedIn('@df', known);
  expect(withoutMention('@df and @df2, @df.x', df, known)).toBe('df and @df2, df.x');
});

test('cells are found by place and by their first line', () => {
  expect(matchingCells(CELLS, '').map(({ name }) => name)).toEqual(['cell:1', 'cell:2', 'cell:3']);
  expect(matchingCells(CELLS, 'cell:2')).toEqual([{ kind: 'cell', name: 'cell:2', detail: '# Load' }]);
  expect(matchingCells(CELLS, 'PANDAS').map(({ name }) => name)).toEqual(['cell:1']);
  expect(matchingCells(CELLS, 'nothing')).toEqual([]);
});

test('cells are sent as they stand, the rest by name', () => {
  const mentions = mentionedIn('@cell:1 @df @etl/clean.py', known);
  expect(attachedCells(mentions, CELLS)).toEqual([
    { label: '@cell:1, a code cell', text: 'import pandas as pd' }
  ]);
  expect(attachedCells(mentions, [])).toEqual([]); // it was deleted meanwhile
  expect(lookedUp(mentions)).toEqual([
    { kind: 'variable', name: 'df' },
    { kind: 'file', name: 'etl/clean.py' }
  ]);
});

test('names after an @ are found without what punctuates them', () => {
  expect(namesIn('@df? (@etl/clean.py), a@b @größe. @@ @cell:2')).toEqual([
    'df',
    'etl/clean.py',
    'größe',
    'cell:2'
  ]);
});
