/** What the buttons beside the code of an answer do to the notebook that the chat is about. */

import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import { NotebookActions, type NotebookPanel } from '@jupyterlab/notebook';
import { CellChange, sharedModel } from './change';
import type { ICodeActions } from './components/code';
import { NotConnected, Refused, said } from './kernel';
import type { ChatModel } from './model';
import { insertCell, NotWritten } from './notebook';
import type { IEvents } from './protocol';
import { NOTHING } from './turns';

const MOST_ATTACHED = 20_000; // characters; the prompt takes less

export class CodeActions implements ICodeActions {
  constructor(
    private readonly model: ChatModel,
    private readonly notebook: () => NotebookPanel | null,
    private readonly withoutNotebook: (code: string) => Promise<void>
  ) {}

  copy(code: string): void {
    Clipboard.copyToSystem(code);
  }

  insert(code: string, where: 'above' | 'below'): void {
    const notebook = this.notebook();
    if (notebook === null) {
      this.withoutNotebook(code).catch(error => this.model.report(String(error)));
    } else {
      this.attempt(() => insertBeside(notebook, code, where));
    }
  }

  async runBelow(code: string): Promise<void> {
    const notebook = this.notebook();
    if (this._mayRun || (await askToRun())) {
      this._mayRun = true;
      this.attempt(() => runCell(notebook, insertBeside(notebook, code, 'below')));
    }
  }

  ask(question: string, code: string): void {
    const block = { label: 'code of the answer', text: code.slice(0, MOST_ATTACHED) };
    this.model.ask(question, { ...NOTHING, attachments: [block] });
  }

  replace(code: string): CellChange | undefined {
    const notebook = this.notebook();
    const cell = notebook?.content.activeCell?.model.sharedModel;
    if (!notebook || !cell) {
      this.model.report('There is no selected cell.');
      return undefined;
    }
    return new CellChange(notebook, cell.getId(), cell.getSource(), code);
  }

  review({ cell, expected, source }: IEvents['proposal']): CellChange | undefined {
    const notebook = this.notebook();
    return notebook ? new CellChange(notebook, cell, expected, source) : undefined;
  }

  run(change: CellChange): void {
    this.attempt(() => runCell(change.notebook, change.cell));
  }

  async writeFile(proposal: IEvents['proposal']): Promise<string> {
    const [latest] = this.model.turns.filter(turn => turn.proposal?.path).slice(-1);
    if (latest?.proposal !== proposal) {
      return 'A later proposal has taken its place; nothing was written.';
    }
    try {
      return (await this.model.link.fetch('apply', {}, 'told')).text;
    } catch (error) {
      if (error instanceof Refused || error instanceof NotConnected) {
        return said(error);
      }
      throw error;
    }
  }

  /** Change a notebook; what cannot be done is said in the panel. Whether it was done. */
  attempt(change: () => void): boolean {
    try {
      change();
      this.model.report('');
      return true;
    } catch (error) {
      this.model.report(said(error));
      return false;
    }
  }

  private _mayRun = false;
}

/** Put code into a new cell beside the selected one, and show it; gives its id. */
function insertBeside(
  notebook: NotebookPanel | null,
  code: string,
  where: 'above' | 'below'
): string {
  const model = sharedModel(notebook);
  const anchor = notebook?.content.activeCell?.model.id ?? '';
  const id = insertCell(model, anchor, code, where);
  const at = model.cells.findIndex(cell => cell.getId() === id);
  void notebook?.content.scrollToItem(at).catch(() => undefined); // it may be gone by then
  return id;
}

/** Run a cell as JupyterLab does; NotWritten if it is gone. */
function runCell(notebook: NotebookPanel | null, id: string): void {
  sharedModel(notebook);
  const cell = notebook?.content.widgets.find(({ model }) => model.id === id);
  if (!notebook || !cell) {
    throw new NotWritten('The cell is not in the notebook any more.');
  }
  void NotebookActions.runCells(notebook.content, [cell], notebook.sessionContext);
}

async function askToRun(): Promise<boolean> {
  const { button } = await showDialog({
    title: 'Run code from the answer?',
    body: 'It runs in your kernel and can do all that you can. You are asked this once, until the page is reloaded.',
    buttons: [Dialog.cancelButton(), Dialog.okButton({ label: 'Run' })],
    defaultButton: 0
  });
  return button.accept;
}
