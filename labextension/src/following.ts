/** Which notebook the panel is beside, and which kernel it talks to. */

import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel } from '@jupyterlab/services';
import { type ISignal, Signal } from '@lumino/signaling';
import type { KernelLink } from './kernel';
import type { ChatModel } from './model';
import type { OwnKernel } from './own_kernel';

/**
 * Follows the last active notebook and its kernel; where that has none in Python, the chat's own
 * kernel, if there is one.
 */
export class Following {
  constructor(
    private readonly tracker: INotebookTracker,
    private readonly own: OwnKernel,
    private readonly model: ChatModel
  ) {
    tracker.currentChanged.connect(this._follow, this);
    own.changed.connect(this._talk, this);
    model.link.stateChanged.connect(this._onState, this);
    this._follow();
  }

  /** The last active notebook; null if none is open. */
  get notebook(): NotebookPanel | null {
    return this._notebook;
  }

  /** Whether the kernel is not the notebook's, but the chat's own. */
  get isApart(): boolean {
    return this._kernel !== null && this._kernel === this.own.kernel;
  }

  /** The notebook, or whether its own kernel is talked to, is another one. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  dispose(): void {
    this.tracker.currentChanged.disconnect(this._follow, this);
    this.own.changed.disconnect(this._talk, this);
    this.model.link.stateChanged.disconnect(this._onState, this);
    this._notebook?.sessionContext.kernelChanged.disconnect(this._talk, this);
    Signal.clearData(this);
  }

  private _follow(): void {
    const current = this.tracker.currentWidget;
    if (current === this._notebook) {
      return;
    }
    this._notebook?.sessionContext.kernelChanged.disconnect(this._talk, this);
    this._notebook = current;
    current?.sessionContext.kernelChanged.connect(this._talk, this);
    current?.disposed.connect(() => this._follow());
    void current?.sessionContext.ready.then(() => this._talk(), () => undefined);
    this._talk();
  }

  private _talk(): void {
    const context = this._notebook?.sessionContext;
    const theirs = context?.session?.kernel ?? null;
    const starting = context !== undefined && !context.isReady;
    this._use(theirs ?? (starting ? null : this.own.kernel));
  }

  private _onState(link: KernelLink): void {
    if (link.state === 'not-python' && this.own.kernel !== null) {
      this._use(this.own.kernel);
    }
  }

  private _use(kernel: Kernel.IKernelConnection | null): void {
    this._kernel = kernel;
    const place = this.isApart ? 'apart' : (this._notebook?.id ?? '');
    this.model.moveTo(place, this._left === null || this._left === this._notebook);
    this._left = this._notebook;
    this.model.link.setKernel(kernel);
    this._changed.emit();
  }

  private _left: NotebookPanel | null = null; // the notebook of the chat that was shown last
  private _notebook: NotebookPanel | null = null;
  private _kernel: Kernel.IKernelConnection | null = null;
  private readonly _changed = new Signal<this, void>(this);
}
