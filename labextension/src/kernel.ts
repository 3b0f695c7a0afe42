/** The comm to one kernel: connects, beside a running cell where the kernel can, and reconnects. */

import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { type JSONValue, UUID } from '@lumino/coreutils';
import { type ISignal, Signal } from '@lumino/signaling';
import { type Event, type IEvents, type IRequests, parseEvent, request, TARGET } from './protocol';

const LOAD = '%load_ext codeassist_jupyter';
const LOAD_PATIENCE_MS = 1500; // an idle kernel has loaded the extension by then
const SUBSHELL_PATIENCE_MS = 2000; // the promise never resolves where there are no subshells

/**
 * `waiting`: a cell runs, and the extension can only be loaded after it. `missing`: the kernel's
 * environment does not have the package.
 */
export type KernelState =
  | 'none'
  | 'connecting'
  | 'waiting'
  | 'ready'
  | 'restarting'
  | 'missing'
  | 'not-python'
  | 'dead';

/** What JupyterLab's comms have since 4.4, beyond their interface. */
interface ISubshellComm {
  commsOverSubshells?: string;
  subshellStarted?: Promise<void>;
}

/** The connection was lost, or there is none. */
export class NotConnected extends Error {}

/** The kernel answered that it cannot; `hint` says what cures it. */
export class Refused extends Error {
  constructor(
    message: string,
    readonly hint: string
  ) {
    super(message);
  }
}

/** What is wrong and what cures it, for the user to read. */
export function sentences({ message, hint }: { message: string; hint: string }): string {
  return `${message.slice(0, 1).toUpperCase()}${message.slice(1)}. ${hint}`;
}

/** An error for the user to read. */
export function said(error: unknown): string {
  if (error instanceof Refused) {
    return sentences(error);
  }
  return error instanceof Error ? error.message : String(error);
}

interface IPending {
  resolve: (event: Event) => void;
  reject: (error: Error) => void;
}

export class KernelLink {
  constructor(private readonly version: string) {}

  get state(): KernelState {
    return this._state;
  }

  /** What the kernel said of itself; undefined while there is no connection. */
  get hello(): IEvents['hello'] | undefined {
    return this._hello;
  }

  get stateChanged(): ISignal<this, KernelState> {
    return this._stateChanged;
  }

  /** Events that answer no `call`: those of questions, and requests of the kernel. */
  get received(): ISignal<this, Event> {
    return this._received;
  }

  /** Talk to this kernel from now on. */
  setKernel(kernel: Kernel.IKernelConnection | null): void {
    if (kernel === this._kernel) {
      return;
    }
    this._kernel?.statusChanged.disconnect(this._onStatus, this);
    this._kernel?.connectionStatusChanged.disconnect(this._onConnection, this);
    this._leave(true);
    this._attempt++;
    this._kernel = kernel;
    if (kernel === null) {
      this._setState('none');
      return;
    }
    kernel.statusChanged.connect(this._onStatus, this);
    kernel.connectionStatusChanged.connect(this._onConnection, this);
    void this._connect();
  }

  /** Send a request and wait for its answer; rejects with Refused or NotConnected. */
  call<Op extends keyof IRequests>(op: Op, fields: IRequests[Op]): Promise<Event> {
    const id = UUID.uuid4();
    return new Promise((resolve, reject) => {
      this._pending.set(id, { resolve, reject });
      this.send(op, fields, id);
    });
  }

  /** Send a request and wait for the answer `ev`; rejects as `call` does. */
  async fetch<Op extends keyof IRequests, Ev extends keyof IEvents>(
    op: Op,
    fields: IRequests[Op],
    ev: Ev
  ): Promise<Extract<Event, { ev: Ev }>> {
    const event = await this.call(op, fields);
    if (event.ev !== ev) {
      throw new Error(`expected ${ev}, got ${event.ev}`);
    }
    return event as Extract<Event, { ev: Ev }>;
  }

  /** Send a request whose answers come as `received`; gives its id. */
  send<Op extends keyof IRequests>(op: Op, fields: IRequests[Op], id = UUID.uuid4()): string {
    if (this._comm === null || this._comm.isDisposed) {
      this._pending.get(id)?.reject(new NotConnected('There is no connection to the kernel.'));
      this._pending.delete(id);
    } else {
      this._comm.send(request(id, op, fields));
    }
    return id;
  }

  dispose(): void {
    this.setKernel(null);
    Signal.clearData(this);
  }

  private async _connect(): Promise<void> {
    const kernel = this._kernel;
    const attempt = ++this._attempt;
    const current = () => attempt === this._attempt && kernel !== null && !kernel.isDisposed;
    if (kernel === null) {
      return;
    }
    this._setState('connecting');
    const info = await kernel.info;
    if (!current()) {
      return;
    }
    if (info.language_info.name !== 'python') {
      this._setState('not-python');
      return;
    }
    const loaded = load(kernel);
    await Promise.race([loaded, after(LOAD_PATIENCE_MS)]);
    // A busy kernel may have loaded it before; if not, it closes the comm at once.
    if (!current() || (await this._open(kernel)) || !current()) {
      return;
    }
    this._setState('waiting');
    const found = await loaded;
    if (!current()) {
      return;
    }
    if (!found || !(await this._open(kernel))) {
      if (current()) {
        this._setState('missing');
      }
    }
  }

  /** Open a comm and greet; false where the kernel closes it. */
  private async _open(kernel: Kernel.IKernelConnection): Promise<boolean> {
    const comm = kernel.createComm(TARGET);
    await useSubshell(kernel, comm);
    if (kernel !== this._kernel || kernel.isDisposed) {
      if (!kernel.isDisposed) {
        comm.dispose(); // and its subshell
      }
      return true;
    }
    this._comm = comm;
    comm.onMsg = msg => this._onMessage(msg.content.data as JSONValue);
    const closed = new Promise<undefined>(resolve => {
      comm.onClose = () => {
        resolve(undefined);
        if (this._comm === comm && this._hello !== undefined) {
          this._leave(false); // the extension was unloaded
          this._setState('missing');
        }
      };
    });
    comm.open({});
    const greeted = this.call('hello', { version: this.version }).catch(() => undefined);
    const hello = await Promise.race([greeted, closed]);
    if (this._comm !== comm) {
      return true; // another connection took over meanwhile
    }
    if (hello?.ev !== 'hello') {
      this._leave(false);
      return false;
    }
    this._hello = hello;
    this._setState('ready');
    return true;
  }

  private _onMessage(data: JSONValue): void {
    const event = parseEvent(data);
    if (event === undefined) {
      return;
    }
    const pending = this._pending.get(event.id);
    if (pending === undefined) {
      this._received.emit(event);
      return;
    }
    this._pending.delete(event.id);
    if (event.ev === 'error') {
      pending.reject(new Refused(event.message, event.hint));
    } else {
      pending.resolve(event);
    }
  }

  private _onStatus(_: Kernel.IKernelConnection, status: Kernel.Status): void {
    if (status === 'restarting' || status === 'autorestarting') {
      this._attempt++;
      this._leave(false);
      this._setState('restarting');
    } else if (status === 'dead') {
      this._attempt++;
      this._leave(false);
      this._setState('dead');
    } else if (status === 'idle' && (this._state === 'restarting' || this._state === 'dead')) {
      void this._connect();
    }
  }

  private _onConnection(_: Kernel.IKernelConnection, status: Kernel.ConnectionStatus): void {
    if (status === 'connected' && this._state === 'ready') {
      this._stateChanged.emit('ready'); // what was sent meanwhile is lost: whoever waits, resumes
    }
  }

  /** Drop the comm; `close` tells the kernel, which must still be there. */
  private _leave(close: boolean): void {
    const comm = this._comm;
    this._comm = null;
    this._hello = undefined;
    if (comm !== null && !comm.isDisposed) {
      if (close && this._kernel?.isDisposed === false) {
        comm.close();
      } else {
        comm.dispose();
      }
    }
    for (const { reject } of this._pending.values()) {
      reject(new NotConnected('The connection to the kernel was lost.'));
    }
    this._pending.clear();
  }

  private _setState(state: KernelState): void {
    if (state !== this._state) {
      this._state = state;
      this._stateChanged.emit(state);
    }
  }

  private _kernel: Kernel.IKernelConnection | null = null;
  private _comm: Kernel.IComm | null = null;
  private _attempt = 0;
  private _state: KernelState = 'none';
  private _hello: IEvents['hello'] | undefined;
  private readonly _pending = new Map<string, IPending>();
  private readonly _stateChanged = new Signal<this, KernelState>(this);
  private readonly _received = new Signal<this, Event>(this);
}

/** Load the Python side without a trace in the notebook; whether it is there. */
async function load(kernel: Kernel.IKernelConnection): Promise<boolean> {
  const content: KernelMessage.IExecuteRequestMsg['content'] = {
    code: LOAD,
    silent: true,
    store_history: false,
    stop_on_error: false
  };
  try {
    const reply = await kernel.requestExecute(content).done;
    return reply.content.status === 'ok';
  } catch {
    return false; // the kernel restarts
  }
}

/** Let messages of this comm be served while a cell runs, whatever JupyterLab is set to. */
async function useSubshell(kernel: Kernel.IKernelConnection, comm: Kernel.IComm): Promise<void> {
  const shell = comm as ISubshellComm;
  if (shell.commsOverSubshells === undefined || kernel.supportsSubshells === false) {
    return;
  }
  if (shell.commsOverSubshells !== 'perCommTarget') {
    shell.commsOverSubshells = 'perCommTarget';
    await Promise.resolve(); // the comm now makes a new promise
  }
  const started = Promise.resolve(shell.subshellStarted).catch(() => undefined);
  await Promise.race([started, after(SUBSHELL_PATIENCE_MS)]);
}

function after(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}
