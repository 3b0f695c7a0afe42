/** What the composer knows of the notebook that the chat is about, and what it asks of a cell. */

import type { CodeCellModel } from '@jupyterlab/cells';
import type { Notebook, NotebookPanel } from '@jupyterlab/notebook';
import { attachedText, checkWhole, NotSent } from './attach';
import type { ChatModel } from './model';
import { cellsOf, type ICell } from './notebook';
import type { ICarried } from './protocol';
import { type CellCommand, instruction } from './slash';

/** The selected cell, or the text that is selected in it. */
export interface ISelected {
  id: string;
  /** Counted from 1. */
  place: number;
  label: string;
  text: string;
  isPart: boolean;
  /** The cell was run and shows an error. */
  failed: boolean;
}

export class Cells {
  constructor(private readonly panel: () => NotebookPanel | null) {}

  /** The notebook as it is shown; null if none is open. */
  get notebook(): Notebook | null {
    return this.panel()?.content ?? null;
  }

  /** Select the cell that is shown as `node`. */
  select(node: HTMLElement): void {
    const at = this.notebook?.widgets.findIndex(cell => cell.node === node) ?? -1;
    if (this.notebook && at >= 0) {
      this.notebook.activeCellIndex = at;
    }
  }

  /** All cells in their order. */
  all(): ICell[] {
    const model = this.notebook?.model;
    return model ? cellsOf(model.sharedModel) : [];
  }

  /** The selected cell, undefined if there is none. */
  selected(): ISelected | undefined {
    const cell = this.notebook?.activeCell;
    if (!cell || !this.notebook) {
      return undefined;
    }
    const source = cell.model.sharedModel.getSource();
    const range = cell.editor?.getSelection();
    const [from, to] = [range?.start, range?.end]
      .map(position => (position ? (cell.editor?.getOffsetAt(position) ?? 0) : 0))
      .sort((one, other) => one - other);
    const place = this.notebook.activeCellIndex + 1;
    const name = `${cell.model.type} cell ${place}`;
    return {
      id: cell.model.id,
      place,
      label: from < to ? `selected in ${name}` : name,
      text: from < to ? source.slice(from, to) : source,
      isPart: from < to,
      failed: hasError(cell.model)
    };
  }

  /** Whether the cell that was run last shows an error. */
  lastFailed(): boolean {
    let last: CodeCellModel | undefined;
    for (const cell of this.notebook?.model?.cells ?? []) {
      const { executionCount } = cell as CodeCellModel;
      if (executionCount && executionCount > (last?.executionCount ?? 0)) {
        last = cell as CodeCellModel;
      }
    }
    return last !== undefined && hasError(last);
  }
}

/**
 * Ask what a command asks about the selected cell; a failed cell is mended in a copy. Refuses by
 * NotSent where there is no cell, or one that is too large.
 */
export function askAboutCell(
  model: ChatModel,
  cells: Cells,
  name: CellCommand,
  words: string,
  carried: ICarried
): void {
  const selected = cells.selected();
  if (name === 'fix' && (selected?.failed || (!selected?.isPart && cells.lastFailed()))) {
    model.fix(selected?.failed ? selected.id : '', words ? [words] : []);
    return;
  }
  if (selected === undefined) {
    throw new NotSent('No cell is selected; select one in the notebook.');
  }
  const cell = attachedText(selected.label, selected.text);
  const attachments = [cell, ...carried.attachments];
  const question = instruction(name, words);
  checkWhole(question, { ...carried, attachments });
  model.ask(question, { ...carried, attachments });
}

function hasError(cell: { type: string }): boolean {
  const { outputs } = cell as CodeCellModel;
  for (let at = 0; cell.type === 'code' && at < outputs.length; at++) {
    if (outputs.get(at).type === 'error') {
      return true;
    }
  }
  return false;
}
