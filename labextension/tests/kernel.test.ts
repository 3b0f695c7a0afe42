/** The connection to a kernel: subshells where there are any, never waiting for what does not come. */

import { KernelLink } from '../src/kernel';
import { KernelDouble } from './kernel_double';

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

/** How JupyterLab's comm tells that its messages go beside a running cell. */
interface IShell {
  commsOverSubshells: string;
  subshellStarted: Promise<void>;
}

/** A kernel whose comms start a subshell, which is there when `started` is called. */
class SubshellKernel extends KernelDouble {
  constructor(
    private readonly mode: string,
    readonly supportsSubshells: boolean
  ) {
    super();
  }

  readonly opened: string[] = [];
  started: () => void = () => undefined;
  failed: () => void = () => undefined;

  createComm() {
    const comm = Object.assign(super.createComm(), {
      commsOverSubshells: this.mode,
      subshellStarted: new Promise<void>((resolve, reject) => {
        this.started = resolve;
        this.failed = () => reject(new Error('no subshell'));
      })
    } satisfies IShell);
    const open = comm.open.bind(comm);
    comm.open = () => {
      this.opened.push(comm.commsOverSubshells);
      open();
    };
    return comm;
  }
}

async function talkTo(kernel: KernelDouble): Promise<KernelLink> {
  const link = new KernelLink('0.1.0');
  link.setKernel(kernel.connection);
  await jest.advanceTimersByTimeAsync(0);
  return link;
}

test('the comm is opened when its subshell has started, in a mode that has one', async () => {
  const kernel = new SubshellKernel('disabled', true);
  const link = await talkTo(kernel);
  expect(kernel.opened).toEqual([]);
  kernel.started();
  await jest.advanceTimersByTimeAsync(0);
  expect(kernel.opened).toEqual(['perCommTarget']);
  expect(link.state).toBe('ready');
});

test('a kernel without subshells is not waited for', async () => {
  const kernel = new SubshellKernel('perCommTarget', false);
  const link = await talkTo(kernel);
  expect(link.state).toBe('ready');
});

test('a subshell that does not start is waited for a moment only', async () => {
  const kernel = new SubshellKernel('perCommTarget', true);
  const link = await talkTo(kernel);
  expect(link.state).toBe('connecting');
  await jest.advanceTimersByTimeAsync(3000);
  expect(link.state).toBe('ready');
});

test('a subshell that fails to start does not keep the comm from being opened', async () => {
  const kernel = new SubshellKernel('perCommTarget', true);
  const link = await talkTo(kernel);
  kernel.failed();
  await jest.advanceTimersByTimeAsync(0);
  expect(link.state).toBe('ready');
});

test('a kernel that is left while it connects is not talked to any more', async () => {
  const left = new SubshellKernel('perCommTarget', true);
  const link = await talkTo(left);
  const kernel = new KernelDouble();
  link.setKernel(kernel.connection);
  left.started();
  await jest.advanceTimersByTimeAsync(3000);
  expect(left.opened).toEqual([]);
  expect(kernel.last('hello')).toMatchObject({ version: '0.1.0' });
  expect(link.state).toBe('ready');
});

test('a kernel that dies says so, and is talked to again when it is back', async () => {
  const kernel = new KernelDouble();
  const link = await talkTo(kernel);
  const open = link.call('open', { conversation: '' });
  kernel.statusChanged.emit('dead');
  await expect(open).rejects.toThrow('lost');
  expect(link.state).toBe('dead');
  kernel.statusChanged.emit('idle');
  await jest.advanceTimersByTimeAsync(3000);
  expect(link.state).toBe('ready');
});
