/** Stands in for JupyterLab's kernel connection: the wire, as far as the panel uses it. */

import { Signal } from '@lumino/signaling';
import type { Kernel } from '@jupyterlab/services';
import type { JSONObject } from '@lumino/coreutils';

const VERSION = '0.1.0';

class Comm {
  onMsg: (msg: unknown) => void = () => undefined;
  onClose: (msg: unknown) => void = () => undefined;
  isDisposed = false;

  constructor(private readonly kernel: KernelDouble) {}

  open(): void {
    if (!this.kernel.hasExtension) {
      queueMicrotask(() => this.onClose({}));
    }
  }

  send(data: JSONObject): void {
    this.kernel.asked.push(data);
    if (data.op === 'hello' && this.kernel.hasExtension) {
      const hello = { version: VERSION, model: 'm', engine: 'echo', sent_to: '', busy: false };
      this.say({ id: data.id, ev: 'hello', seq: 0, ...hello });
    }
  }

  say(event: JSONObject): void {
    this.onMsg({ content: { data: { v: 1, ...event } } });
  }

  close(): void {
    this.isDisposed = true;
  }

  dispose(): void {
    this.isDisposed = true;
  }
}

export class KernelDouble {
  readonly statusChanged = new Signal<this, string>(this);
  readonly connectionStatusChanged = new Signal<this, string>(this);
  readonly info: Promise<{ language_info: { name: string } }>;
  readonly isDisposed = false;
  readonly supportsSubshells = false;
  readonly asked: JSONObject[] = [];
  hasExtension = true;
  comm = new Comm(this);
  finishLoading: (status: 'ok' | 'error') => void = () => undefined;

  constructor(
    private readonly isBusy = false,
    language = 'python'
  ) {
    this.info = Promise.resolve({ language_info: { name: language } });
  }

  get connection(): Kernel.IKernelConnection {
    return this as unknown as Kernel.IKernelConnection;
  }

  createComm(): Comm {
    this.comm = new Comm(this);
    return this.comm;
  }

  requestExecute(): { done: Promise<unknown> } {
    const done = new Promise(resolve => {
      this.finishLoading = status => resolve({ content: { status } });
    });
    if (!this.isBusy) {
      this.finishLoading('ok');
    }
    return { done };
  }

  /** The last request of that kind. */
  last(op: string): JSONObject {
    return [...this.asked].reverse().find(data => data.op === op) ?? {};
  }

  /** Answer the last request of that kind with an event. */
  answer(op: string, ev: string, fields: JSONObject = {}, seq = 0): void {
    this.comm.say({ id: this.last(op).id, ev, seq, ...fields });
  }
}
