/** Writes into a real shared notebook model. */

import { YNotebook } from '@jupyter/ydoc';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { CellChange } from '../src/change';
import { Changed, insertCell, replaceCell } from '../src/notebook';

const opened: YNotebook[] = [];

afterEach(() => opened.splice(0).forEach(shared => shared.dispose()));

function notebook(...sources: string[]): YNotebook {
  const made = YNotebook.create() as YNotebook;
  opened.push(made);
  const cells = sources.map((source, index) => ({ cell_type: 'code', source, id: `c${index}` }));
  made.insertCells(0, cells as never);
  made.clearUndoHistory();
  return made;
}

const sourcesOf = (from: YNotebook) => from.cells.map(cell => cell.getSource());

test('code goes into a new cell beside one, found by its id', () => {
  const shared = notebook('a', 'b');
  const id = insertCell(shared, 'c0', 'new', 'below');
  expect(sourcesOf(shared)).toEqual(['a', 'new', 'b']);
  insertCell(shared, id, 'first', 'above');
  expect(sourcesOf(shared)).toEqual(['a', 'first', 'new', 'b']);
  shared.undo();
  expect(sourcesOf(shared)).toEqual(['a', 'new', 'b']);
});

test('a cell is replaced as one step to undo, though typed in just before', () => {
  const shared = notebook('a', 'b');
  shared.cells[1].setSource('bb');
  replaceCell(shared, 'c1', 'bb', 'fixed');
  shared.cells[1].setSource('fixed!');
  shared.undo();
  expect(sourcesOf(shared)).toEqual(['a', 'fixed']);
  shared.undo();
  expect(sourcesOf(shared)).toEqual(['a', 'bb']);
});

test('a cell that was moved is still found, and one that was changed or deleted is left', () => {
  const shared = notebook('a', 'b');
  shared.moveCell(0, 1);
  const [, moved] = shared.cells;
  replaceCell(shared, moved.getId(), 'a', 'A');
  expect(sourcesOf(shared)).toEqual(['b', 'A']);
  expect(() => replaceCell(shared, moved.getId(), 'a', 'x')).toThrow('changed meanwhile');
  shared.deleteCell(1);
  expect(() => replaceCell(shared, moved.getId(), 'A', 'x')).toThrow('not in the notebook');
  expect(() => insertCell(shared, moved.getId(), 'x', 'below')).toThrow('not in the notebook');
  expect(sourcesOf(shared)).toEqual(['b']);
});

test('a cell that its metadata make read-only is left', () => {
  const shared = notebook('a');
  shared.cells[0].setMetadata('editable', false);
  expect(() => replaceCell(shared, 'c0', 'a', 'x')).toThrow('read-only');
  expect(sourcesOf(shared)).toEqual(['a']);
});

test('a change is written where it was made, and can be made again when the cell has changed', () => {
  const shared = notebook('a', 'b');
  const change = new CellChange(panelOf(shared), 'c1', 'b', 'B');
  shared.insertCell(0, { cell_type: 'code', source: 'other' } as never);
  shared.cells[2].setSource('b # mine');
  expect(() => change.write('B')).toThrow(Changed);
  const again = change.again();
  expect([again.before, again.after]).toEqual(['b # mine', 'B']);
  again.write('B # mine');
  expect(sourcesOf(shared)).toEqual(['other', 'a', 'B # mine']);
});

test('a change says that its cell or its notebook is gone, and keeps its code', () => {
  const shared = notebook('a', 'b');
  const panel = panelOf(shared);
  const change = new CellChange(panel, 'c1', 'b', 'B');
  shared.deleteCell(1);
  expect(() => change.write('B')).toThrow('not in the notebook any more');
  expect(() => change.again()).toThrow('not in the notebook any more');
  panel.isDisposed = true;
  expect(() => change.write('B')).toThrow('has been closed');
  expect(change.after).toBe('B');
});

/** What is used of the widget that shows a notebook. */
function panelOf(shared: YNotebook): NotebookPanel & { isDisposed: boolean } {
  const panel = { isDisposed: false, content: { model: { sharedModel: shared } } };
  return panel as unknown as NotebookPanel & { isDisposed: boolean };
}
