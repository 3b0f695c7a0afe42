/** Notices edits of a real shared notebook model. */

import { YNotebook } from '@jupyter/ydoc';
import { Signal } from '@lumino/signaling';
import { Edits } from '../src/edits';

class Model {
  readonly sharedModel = YNotebook.create() as YNotebook;
  readonly contentChanged = new Signal<this, void>(this);

  constructor(...sources: string[]) {
    const cells = sources.map((source, index) => ({
      cell_type: source.startsWith('#') ? 'markdown' : 'code',
      source,
      id: `c${index}`
    }));
    this.sharedModel.insertCells(0, cells as never);
  }

  type(index: number, source: string): void {
    this.sharedModel.cells[index].setSource(source);
    this.contentChanged.emit();
  }
}

let told: [string, string][];
let connected: boolean;
let model: Model;
let edits: Edits;

beforeEach(() => {
  jest.useFakeTimers();
  told = [];
  connected = true;
  model = new Model('a = 1', '# words', 'b = 2');
  edits = new Edits((cell, source) => {
    if (connected) {
      told.push([cell, source]);
    }
    return connected;
  });
  edits.follow(model);
});

afterEach(() => {
  edits.follow(null);
  model.sharedModel.dispose();
  jest.useRealTimers();
});

test('a cell is told once, when the keys rest, and the others not', () => {
  model.type(0, 'a = 1');
  model.type(2, 'b = 20');
  model.type(2, 'b = 200');
  expect(told).toEqual([]);
  jest.advanceTimersByTime(1000);
  expect(told).toEqual([['c2', 'b = 200']]);
  model.contentChanged.emit();
  jest.advanceTimersByTime(1000);
  expect(told).toHaveLength(1);
});

test('a new code cell is told, prose is not', () => {
  model.sharedModel.insertCell(3, { cell_type: 'code', source: 'new', id: 'n' } as never);
  model.type(1, '# other words');
  jest.advanceTimersByTime(1000);
  expect(told).toEqual([['n', 'new']]);
});

test('what could not be told is told with the next change', () => {
  connected = false;
  model.type(0, 'a = 2');
  jest.advanceTimersByTime(1000);
  connected = true;
  model.type(2, 'b = 3');
  jest.advanceTimersByTime(1000);
  expect(told).toEqual([
    ['c0', 'a = 2'],
    ['c2', 'b = 3']
  ]);
});

test('a notebook that is left is not watched any more', () => {
  const other = new Model('x');
  edits.follow(other);
  model.type(0, 'a = 2');
  jest.advanceTimersByTime(1000);
  expect(told).toEqual([]);
  other.sharedModel.dispose();
});
