/** Writes code into a notebook: by cell id, as one step to undo, and looks afterwards. */

import type { ISharedCell, ISharedNotebook } from '@jupyter/ydoc';

export interface ICell {
  id: string;
  type: string;
  source: string;
}

/** A cell could not be written; the message says why, in a sentence for the user. */
export class NotWritten extends Error {}

/** The cell has another text than the one that should be replaced. */
export class Changed extends NotWritten {}

/** The text of the cell `id`; NotWritten if it is gone. */
export function sourceOf(notebook: ISharedNotebook, id: string): string {
  return cellIn(notebook, id).getSource();
}

/** Put code into a new code cell beside the cell `anchor`; gives its id. */
export function insertCell(
  notebook: ISharedNotebook,
  anchor: string,
  code: string,
  where: 'above' | 'below'
): string {
  const at = indexOf(notebook, anchor);
  if (at < 0) {
    throw new NotWritten('The cell beside which it should go is not in the notebook any more.');
  }
  ownStep(notebook);
  const cell = notebook.insertCell(where === 'above' ? at : at + 1, {
    cell_type: 'code',
    source: code,
    metadata: {},
    outputs: [],
    execution_count: null
  });
  ownStep(notebook);
  verify(notebook, cell.getId(), code);
  return cell.getId();
}

/** Give the cell `id` another source, if it is still `expected`. */
export function replaceCell(
  notebook: ISharedNotebook,
  id: string,
  expected: string,
  source: string
): void {
  const cell: ISharedCell & IUndoable = cellIn(notebook, id);
  if (cell.getMetadata('editable') === false) {
    throw new NotWritten('The cell is read-only, so it was left as it is.');
  }
  if (cell.getSource() !== expected) {
    throw new Changed('The cell was changed meanwhile, so it was left as it is.');
  }
  cell.undoManager?.stopCapturing();
  cell.setSource(source);
  cell.undoManager?.stopCapturing();
  verify(notebook, id, source);
}

/** The cells in their order. */
export function cellsOf(notebook: ISharedNotebook): ICell[] {
  return notebook.cells.map(cell => ({
    id: cell.getId(),
    type: cell.cell_type,
    source: cell.getSource()
  }));
}

/** What the shared models have beyond their interface. */
interface IUndoable {
  undoManager?: { stopCapturing(): void } | null;
}

/** Yjs joins changes within half a second to one step; ours is a step of its own. */
function ownStep(notebook: ISharedNotebook & IUndoable): void {
  notebook.undoManager?.stopCapturing();
}

function cellIn(notebook: ISharedNotebook, id: string): ISharedCell {
  const cell = notebook.cells[indexOf(notebook, id)];
  if (cell === undefined) {
    throw new NotWritten('The cell is not in the notebook any more.');
  }
  return cell;
}

function indexOf(notebook: ISharedNotebook, id: string): number {
  return notebook.cells.findIndex(cell => cell.getId() === id);
}

function verify(notebook: ISharedNotebook, id: string, source: string): void {
  if (notebook.cells[indexOf(notebook, id)]?.getSource() !== source) {
    throw new NotWritten('The notebook did not take the change.');
  }
}
