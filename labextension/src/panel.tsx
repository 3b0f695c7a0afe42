/** Puts the panel together: model, components, and what they do to notebooks and files. */

import { ReactWidget } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import { PathExt } from '@jupyterlab/coreutils';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';
import { CodeActions } from './actions';
import { sharedModel } from './change';
import { Chat } from './components/chat';
import { Edits } from './edits';
import { KernelLink } from './kernel';
import { ChatModel } from './model';
import { replaceCell } from './notebook';
import type { IAttachment, ISource } from './protocol';
import { NOTHING } from './turns';

const MOST_ATTACHED = 20_000; // characters of a cell; the prompt takes less

export interface IServices {
  version: string;
  tracker: INotebookTracker;
  rendermime: IRenderMimeRegistry;
  documents: IDocumentManager;
}

/** The chat beside the notebook that is current in `tracker`. */
export class ChatPanel extends ReactWidget {
  constructor(private readonly services: IServices) {
    super();
    this.addClass('jp-CodeAssist-chat');
    this.model = new ChatModel(new KernelLink(services.version));
    this._actions = new CodeActions(this.model, () => this._notebook);
    this.model.replaceAsked.connect((_, { id, cell, expected, source }) => {
      const done = this._actions.attempt(() =>
        replaceCell(sharedModel(this._notebook), cell, expected, source)
      );
      this.model.replaced(id, done);
    });
    services.tracker.currentChanged.connect(this._follow, this);
    this._follow();
  }

  readonly model: ChatModel;

  get notebook(): NotebookPanel | null {
    return this._notebook;
  }

  /** Put the cursor where a question is typed. */
  focusComposer(): void {
    this.node.querySelector('textarea')?.focus();
  }

  /** Ask what the selected cell does, or why it failed. */
  explainCell(): void {
    const cell = this._selectedCell();
    if (cell) {
      this.model.ask('Explain this cell.', { ...NOTHING, attachments: [cell] });
    }
  }

  dispose(): void {
    if (!this.isDisposed) {
      this.services.tracker.currentChanged.disconnect(this._follow, this);
      this._notebook?.sessionContext.kernelChanged.disconnect(this._useKernel, this);
      this._edits.follow(null);
      this.model.link.dispose();
      this.model.dispose();
      super.dispose();
    }
  }

  protected render(): JSX.Element {
    return (
      <Chat
        model={this.model}
        version={this.services.version}
        rendermime={this.services.rendermime}
        actions={this._actions}
        openSource={source => void this._openSource(source)}
        selectedCell={() => this._selectedCell()}
      />
    );
  }

  private _follow(): void {
    const current = this.services.tracker.currentWidget;
    if (current === this._notebook) {
      return;
    }
    this._notebook?.sessionContext.kernelChanged.disconnect(this._useKernel, this);
    this._notebook = current;
    this._edits.follow(null);
    void current?.context.ready.then(() => {
      if (this._notebook === current) {
        this._edits.follow(current.content.model);
      }
    });
    current?.sessionContext.kernelChanged.connect(this._useKernel, this);
    current?.disposed.connect(() => this._follow());
    this._useKernel();
  }

  private _useKernel(): void {
    this.model.link.setKernel(this._notebook?.sessionContext.session?.kernel ?? null);
  }

  private get _activeCell() {
    return this._notebook?.content.activeCell?.model.sharedModel;
  }

  private _selectedCell(): IAttachment | undefined {
    const cell = this._activeCell;
    const text = cell?.getSource().trim().slice(0, MOST_ATTACHED);
    return text ? { label: `the selected ${cell?.cell_type} cell`, text } : undefined;
  }

  /** Open a cited file beside the notebook, at its line or cell. */
  private async _openSource(source: ISource): Promise<void> {
    const here = PathExt.dirname(this._notebook?.context.path ?? '');
    const path = PathExt.normalize(PathExt.join(here, source.path));
    const widget = this.services.documents.openOrReveal(path);
    if (widget === undefined) {
      this.model.report(`${source.path} cannot be opened here.`);
      return;
    }
    await widget.context.ready;
    if (source.cell !== null) {
      (widget as NotebookPanel).content.activeCellIndex = source.cell;
    } else if (source.line !== null) {
      widget.setFragment(`line=${source.line - 1}`);
    }
  }

  private readonly _actions: CodeActions;
  private readonly _edits = new Edits((cell, source) => this.model.edited(cell, source));
  private _notebook: NotebookPanel | null = null;
}
