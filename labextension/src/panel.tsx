/** Puts the panel together: model, components, and what they do to notebooks and files. */

import { ReactWidget } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import { PathExt } from '@jupyterlab/coreutils';
import type { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { ServiceManager } from '@jupyterlab/services';
import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import type { Message } from '@lumino/messaging';
import * as React from 'react';
import { CodeActions } from './actions';
import { NotSent } from './attach';
import { askAboutCell, Cells } from './cells';
import { sharedModel } from './change';
import { Chat } from './components/chat';
import type { IMovable } from './components/connection';
import { Draft } from './draft';
import { Edits } from './edits';
import { Following } from './following';
import { KernelLink } from './kernel';
import { ChatModel } from './model';
import { offerNotebook } from './new_notebook';
import { replaceCell } from './notebook';
import { OwnKernel } from './own_kernel';
import { Preferences } from './preferences';
import { readServerFile } from './server_files';
import type { CellCommand } from './slash';
import type { IPlace } from './submit';
import { NOTHING } from './turns';

export interface IServices {
  version: string;
  tracker: INotebookTracker;
  rendermime: IRenderMimeRegistry;
  documents: IDocumentManager;
  manager: ServiceManager.IManager;
  files: IDefaultFileBrowser | null;
  settings: ISettingRegistry | null;
  view: IMovable;
}

/** The chat about the notebook that was active last in `tracker`. */
export class ChatPanel extends ReactWidget {
  constructor(private readonly services: IServices) {
    super();
    this.addClass('jp-CodeAssist-chat');
    this.model = new ChatModel(new KernelLink(services.version));
    this._draft = new Draft(this.model, this._cells);
    this._preferences = new Preferences(services.settings);
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
    const question = '.jp-CodeAssist-composer textarea';
    // The first time it is not drawn yet.
    void Promise.resolve(this.renderPromise).then(() =>
      this.node.querySelector<HTMLElement>(question)?.focus()
    );
  }

  /** Do what a command about a cell does: the one shown as `node`, else the selected one. */
  askAboutCell(name: CellCommand, node?: HTMLElement): void {
    if (node) {
      this._cells.select(node);
    }
    try {
      askAboutCell(this.model, this._cells, name, '', { ...NOTHING, without: this.model.without });
    } catch (error) {
      if (!(error instanceof NotSent)) {
        throw error;
      }
      this.model.report(error.message);
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
        cells={this._cells}
        draft={this._draft}
        preferences={this._preferences}
        readFile={this._readFile}
        openPlace={place => void this._openPlace(place)}
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

  /** Open a file that was cited or found beside the notebook, at its line or cell. */
  private async _openPlace(source: IPlace): Promise<void> {
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

  private readonly _readFile = (path: string) => readServerFile(this.services.manager.contents, path);
  private readonly _actions: CodeActions;
  private readonly _cells = new Cells(() => this.notebook);
  private readonly _draft: Draft;
  private readonly _preferences: Preferences;
  private readonly _edits = new Edits((cell, source) => this.model.edited(cell, source));
  private readonly _own: OwnKernel;
  private readonly _following: Following;
  private _edited: NotebookPanel | null = null;
}
