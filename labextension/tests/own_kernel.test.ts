/** The chat's own kernel, against the services of JupyterLab as far as it uses them. */

import type { KernelSpec, ServiceManager } from '@jupyterlab/services';
import { Signal } from '@lumino/signaling';
import { OwnKernel, pythonSpec } from '../src/own_kernel';

interface IModel {
  id: string;
  type: string;
  path: string;
}

class Connection {
  readonly kernelChanged = new Signal<this, void>(this);
  readonly disposed = new Signal<this, void>(this);
  readonly kernel: object;

  constructor(
    private readonly server: Server,
    readonly id: string,
    readonly path: string
  ) {
    this.kernel = { of: id };
  }

  async shutdown(): Promise<void> {
    this.server.models = this.server.models.filter(({ id }) => id !== this.id);
    this.dispose();
  }

  dispose(): void {
    this.disposed.emit();
  }
}

class Server {
  models: IModel[] = [];
  connected: Connection[] = [];
  readonly runningChanged = new Signal<this, void>(this);
  readonly ready = Promise.resolve();

  running(): Iterable<IModel> {
    return this.models;
  }

  connectTo({ model }: { model: IModel }): Connection {
    const connection = new Connection(this, model.id, model.path);
    this.connected.push(connection);
    return connection;
  }

  /** As JupyterLab's: those who listen hear of it before the caller has the connection. */
  async startNew({ path, type }: { path: string; type: string }): Promise<Connection> {
    const model = { id: `s${this.models.length}`, type, path };
    this.models.push(model);
    this.runningChanged.emit();
    return this.connectTo({ model });
  }
}

function own(server: Server, specs: KernelSpec.ISpecModels = PYTHON): OwnKernel {
  const kernelspecs = { ready: Promise.resolve(), specs };
  return new OwnKernel({ sessions: server, kernelspecs } as unknown as ServiceManager.IManager);
}

function specs(chosen: string, languages: Record<string, string>): KernelSpec.ISpecModels {
  const kernelspecs = Object.fromEntries(
    Object.entries(languages).map(([name, language]) => [name, { name, language }])
  );
  return { default: chosen, kernelspecs } as unknown as KernelSpec.ISpecModels;
}

const PYTHON = specs('python3', { python3: 'python' });

test('it starts in the folder, once, and is shut down', async () => {
  const server = new Server();
  const kernel = own(server);
  let changes = 0;
  kernel.changed.connect(() => changes++);
  await kernel.start('data/2026');
  expect(server.models).toEqual([{ id: 's0', type: 'codeassist', path: 'data/2026/codeassist-chat' }]);
  expect(kernel.folder).toBe('data/2026');
  expect(kernel.kernel).toEqual({ of: 's0' });
  expect(changes).toBe(1);
  await kernel.shutDown();
  expect(kernel.kernel).toBeNull();
  expect(server.models).toEqual([]);
  expect(changes).toBe(2);
});

test('one that runs already is used, also when another window starts it', async () => {
  const server = new Server();
  server.models = [
    { id: 'n', type: 'notebook', path: 'a.ipynb' },
    { id: 'c', type: 'codeassist', path: 'codeassist-chat' }
  ];
  const kernel = own(server);
  await server.ready;
  expect(kernel.kernel).toEqual({ of: 'c' });
  expect(kernel.folder).toBe('');
  const later = new Server();
  const other = own(later);
  await later.startNew({ path: 'x/codeassist-chat', type: 'codeassist' });
  expect(other.folder).toBe('x');
});

test('what is shut down elsewhere is gone', async () => {
  const server = new Server();
  const kernel = own(server);
  await kernel.start('');
  server.models = [];
  server.connected.forEach(connection => connection.dispose());
  expect(kernel.kernel).toBeNull();
  await kernel.start('');
  expect(kernel.kernel).not.toBeNull();
});

test('without a Python kernel there is none to start', async () => {
  const kernel = own(new Server(), specs('ir', { ir: 'R' }));
  await expect(kernel.start('')).rejects.toThrow('No Python kernel is installed here.');
});

test('the default kernel is taken if it is a Python, else another Python', () => {
  expect(pythonSpec(specs('b', { a: 'python', b: 'python' }))).toBe('b');
  expect(pythonSpec(specs('ir', { ir: 'R', a: 'python' }))).toBe('a');
  expect(pythonSpec(null)).toBeUndefined();
});
