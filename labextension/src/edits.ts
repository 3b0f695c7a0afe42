/** Notices code cells whose text has changed, run or not, a moment after the last key. */

import type { ISharedNotebook } from '@jupyter/ydoc';
import type { ISignal } from '@lumino/signaling';
import { cellsOf } from './notebook';

const QUIET_MS = 300;
const LONGEST = 30_000; // characters; a message holds 256 kB, and what is longer is data

/** What is used of a notebook's model. */
export interface IEdited {
  readonly contentChanged: ISignal<unknown, void>;
  readonly sharedModel: ISharedNotebook;
}

export class Edits {
  /** `tell` sends a cell's text and says whether it could. */
  constructor(private readonly tell: (cell: string, source: string) => boolean) {}

  /** Watch this notebook from now on; what it holds already is known from its file. */
  follow(model: IEdited | null): void {
    this._model?.contentChanged.disconnect(this._changed, this);
    clearTimeout(this._timer);
    this._model = model;
    this._known = new Map(this._cells());
    model?.contentChanged.connect(this._changed, this);
  }

  private _changed(): void {
    clearTimeout(this._timer);
    this._timer = setTimeout(() => this._look(), QUIET_MS);
  }

  private _look(): void {
    const known = new Map<string, string>();
    for (const [id, source] of this._cells()) {
      const before = this._known.get(id);
      const told = before === source || (before ?? '') === source || this.tell(id, source);
      known.set(id, told ? source : (before ?? ''));
    }
    this._known = known;
  }

  private _cells(): [string, string][] {
    return (this._model ? cellsOf(this._model.sharedModel) : [])
      .filter(cell => cell.type === 'code' && cell.source.length <= LONGEST)
      .map(cell => [cell.id, cell.source]);
  }

  private _model: IEdited | null = null;
  private _known = new Map<string, string>();
  private _timer: ReturnType<typeof setTimeout> | undefined;
}
