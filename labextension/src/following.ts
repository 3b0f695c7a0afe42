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
    this._connect(null);
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
    const starting = context !== undefined && theirs === null && !context.isReady;
    const usable = starting || (theirs !== null && theirs !== this._foreign);
    this._use(usable ? theirs : (this.own.kernel ?? theirs));
  }

  private _onState(link: KernelLink): void {
    if (link.state === 'not-python') {
      this._foreign = this._kernel;
      this._talk();
    }
  }

  private _use(kernel: Kernel.IKernelConnection | null): void {
    this._kernel = kernel;
    if (kernel === null || kernel.id !== this._spoken?.id || this._spoken.isDisposed) {
      this._connect(kernel);
    }
    const place = this.isApart ? 'apart' : (this._notebook?.id ?? '');
    this.model.moveTo(place, this._left === null || this._left === this._notebook);
    this._left = this._notebook;
    this._changed.emit();
  }

  /** Talk through the one connection of this page that takes part in the kernel's comms. */
  private _connect(kernel: Kernel.IKernelConnection | null): void {
    const shared = this.tracker
      .filter(({ sessionContext }) => sessionContext.session?.kernel?.id === kernel?.id)
      .map(({ sessionContext }) => sessionContext.session?.kernel);
    const able = [kernel, ...shared].find(one => one?.handleComms && !one.isDisposed) ?? null;
    const before = this._clone;
    this._clone = able === null ? (kernel?.clone({ handleComms: true }) ?? null) : null;
    this._spoken?.disposed.disconnect(this._talk, this);
    this._spoken = able ?? this._clone;
    this._spoken?.disposed.connect(this._talk, this);
    this.model.link.setKernel(this._spoken);
    before?.dispose();
  }

  private _left: NotebookPanel | null = null; // the notebook of the chat that was shown last
  private _notebook: NotebookPanel | null = null;
  private _kernel: Kernel.IKernelConnection | null = null;
  private _foreign: Kernel.IKernelConnection | null = null; // of a notebook, not in Python
  private _spoken: Kernel.IKernelConnection | null = null; // to that kernel; a notebook's, or
  private _clone: Kernel.IKernelConnection | null = null; // ours, where no notebook's can
  private readonly _changed = new Signal<this, void>(this);
}
