/** Puts the panel together: model, components, and what they do to notebooks and files. */

import { ReactWidget } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import { PathExt } from '@jupyterlab/coreutils';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ServiceManager } from '@jupyterlab/services';
import type { Message } from '@lumino/messaging';
import * as React from 'react';
import { CodeActions } from './actions';
import { sharedModel } from './change';
import { Chat } from './components/chat';
import type { IMovable } from './components/connection';
import { Edits } from './edits';
import { Following } from './following';
import { KernelLink } from './kernel';
import { ChatModel } from './model';
import { offerNotebook } from './new_notebook';
import { replaceCell } from './notebook';
import { OwnKernel } from './own_kernel';
import type { IAttachment, ISource } from './protocol';
import { NOTHING } from './turns';

const MOST_ATTACHED = 20_000; // characters of a cell; the prompt takes less

export interface IServices {
  version: string;
  tracker: INotebookTracker;
  rendermime: IRenderMimeRegistry;
  documents: IDocumentManager;
  manager: ServiceManager.IManager;
  files: IDefaultFileBrowser | null;
  view: IMovable;
}

/** The chat about the notebook that was active last in `tracker`. */
export class ChatPanel extends ReactWidget {
  constructor(private readonly services: IServices) {
    super();
    this.addClass('jp-CodeAssist-chat');
    this.model = new ChatModel(new KernelLink(services.version));
    this._own = new OwnKernel(services.manager);
    this._following = new Following(services.tracker, this._own, this.model);
    this._actions = new CodeActions(
      this.model,
      () => this.notebook,
      code => offerNotebook(code, this._folder(), services.documents)
    );
    this.model.replaceAsked.connect((_, { id, cell, expected, source }) => {
      const done = this._actions.attempt(() =>
        replaceCell(sharedModel(this.notebook), cell, expected, source)
      );
      this.model.replaced(id, done);
    });
    this._following.changed.connect(this._watchEdits, this);
    this._watchEdits();
  }

  readonly model: ChatModel;

  get notebook(): NotebookPanel | null {
    return this._following.notebook;
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
      this._following.dispose();
      this._own.dispose();
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
        following={this._following}
        own={this._own}
        folder={() => this._folder()}
        view={this.services.view}
        rendermime={this.services.rendermime}
        actions={this._actions}
        openSource={source => void this._openSource(source)}
        selectedCell={() => this._selectedCell()}
      />
    );
  }

  protected onBeforeDetach(message: Message): void {
    if (this.isDisposed) {
      super.onBeforeDetach(message);
    } // else it is moved, and keeps what was typed
  }

  /** Tell the notebook's own kernel of the cells that the user edits. */
  private _watchEdits(): void {
    const edited = this._following.isApart ? null : this.notebook;
    if (edited === this._edited) {
      return;
    }
    this._edited = edited;
    this._edits.follow(null);
    void edited?.context.ready.then(() => {
      if (this._edited === edited) {
        this._edits.follow(edited.content.model);
      }
    });
  }

  /** The folder that a chat without a notebook's kernel is about. */
  private _folder(): string {
    const { contents } = this.services.manager;
    const notebook = this.notebook?.context.path;
    return notebook === undefined
      ? contents.localPath(this.services.files?.model.path ?? '')
      : PathExt.dirname(contents.localPath(notebook));
  }

  private get _activeCell() {
    return this.notebook?.content.activeCell?.model.sharedModel;
  }

  private _selectedCell(): IAttachment | undefined {
    const cell = this._activeCell;
    const text = cell?.getSource().trim().slice(0, MOST_ATTACHED);
    return text ? { label: `the selected ${cell?.cell_type} cell`, text } : undefined;
  }

  /** Open a cited file beside the notebook, at its line or cell. */
  private async _openSource(source: ISource): Promise<void> {
    const here = this._following.isApart ? this._own.folder : PathExt.dirname(this.notebook?.context.path ?? '');
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
  private readonly _own: OwnKernel;
  private readonly _following: Following;
  private _edited: NotebookPanel | null = null;
}
