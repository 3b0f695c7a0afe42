/** A Python kernel for the chat alone, where no notebook has one: found again after a reload. */

import { PathExt } from '@jupyterlab/coreutils';
import type { Kernel, KernelSpec, ServiceManager, Session } from '@jupyterlab/services';
import { type ISignal, Signal } from '@lumino/signaling';

const TYPE = 'codeassist'; // of the session; there is one at most
const NAME = 'codeassist-chat'; // no file has it: the kernel starts in the folder that it is in

export class OwnKernel {
  constructor(private readonly services: ServiceManager.IManager) {
    services.sessions.runningChanged.connect(this._find, this);
    void services.sessions.ready.then(() => this._find());
  }

  /** The kernel, if it runs. */
  get kernel(): Kernel.IKernelConnection | null {
    return this._session?.kernel ?? null;
  }

  /** The folder that the kernel was started in. */
  get folder(): string {
    return PathExt.dirname(this._session?.path ?? '');
  }

  /** The kernel has come or gone. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** Start the kernel in a folder; rejects with an Error that says why it cannot be. */
  async start(folder: string): Promise<void> {
    const { kernelspecs, sessions } = this.services;
    await kernelspecs.ready;
    const name = pythonSpec(kernelspecs.specs);
    if (name === undefined) {
      throw new Error('No Python kernel is installed here.');
    }
    const path = PathExt.join(folder, NAME);
    const session = await sessions.startNew({ path, type: TYPE, name: NAME, kernel: { name } });
    this._use(session);
  }

  /** End the kernel; the chat is kept. */
  async shutDown(): Promise<void> {
    await this._session?.shutdown();
  }

  dispose(): void {
    this.services.sessions.runningChanged.disconnect(this._find, this);
    this._session?.dispose();
    Signal.clearData(this);
  }

  /** Use the session that this or another window has started. */
  private _find(): void {
    const { sessions } = this.services;
    const model = [...sessions.running()].find(({ type }) => type === TYPE);
    if (model !== undefined && this._session === null) {
      this._use(sessions.connectTo({ model }));
    }
  }

  private _use(session: Session.ISessionConnection): void {
    if (this._session?.id === session.id) {
      session.dispose(); // it was found before
      return;
    }
    this._session?.dispose();
    this._session = session;
    session.kernelChanged.connect(() => this._changed.emit());
    session.disposed.connect(() => {
      if (this._session === session) {
        this._session = null;
        this._changed.emit();
      }
    });
    this._changed.emit();
  }

  private _session: Session.ISessionConnection | null = null;
  private readonly _changed = new Signal<this, void>(this);
}

/** The name of the default kernel if that is a Python, else of any that is. */
export function pythonSpec(specs: KernelSpec.ISpecModels | null): string | undefined {
  const all = Object.values(specs?.kernelspecs ?? {});
  const pythons = all.filter(spec => spec?.language === 'python').map(spec => spec?.name);
  return pythons.find(name => name === specs?.default) ?? pythons[0];
}
