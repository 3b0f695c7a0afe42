/** Another text for one cell of one notebook: looked at first, written when the user says so. */

import type { NotebookPanel } from '@jupyterlab/notebook';
import { NotWritten, replaceCell, sourceOf } from './notebook';

/** It stays with its notebook and cell, whatever is active later. */
export class CellChange {
  constructor(
    readonly notebook: NotebookPanel,
    readonly cell: string,
    readonly before: string,
    readonly after: string
  ) {}

  /** The same change of the text that the cell has now; NotWritten if the cell is gone. */
  again(): CellChange {
    const now = sourceOf(sharedModel(this.notebook), this.cell);
    return new CellChange(this.notebook, this.cell, now, this.after);
  }

  /** Give the cell this text, as one step to undo; NotWritten if it is not what it was any more. */
  write(source: string): void {
    replaceCell(sharedModel(this.notebook), this.cell, this.before, source);
  }
}

/** The model of a notebook that is open; NotWritten if it was closed. */
export function sharedModel(notebook: NotebookPanel | null) {
  const model = notebook?.isDisposed ? null : notebook?.content.model;
  if (!model) {
    throw new NotWritten(
      notebook ? 'The notebook has been closed, so nothing was written.' : 'There is no open notebook.'
    );
  }
  return model.sharedModel;
}
