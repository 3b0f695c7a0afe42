/** A real JupyterLab in temporary folders of its own, and a page that shows one notebook. */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, type Locator, type Page } from '@playwright/test';

const START_S = 120;

/** A rule of the echo engine: what is answered when `match` is found in the question. */
export interface IRule {
  match: string;
  answer: string;
  delay_s?: number; // per token
  prompt_delay_s?: number; // before the first
  fail?: { code?: string; message?: string; hint?: string; after?: number };
}

/** One running JupyterLab; `jupyter` and `codeassist` are those on the PATH. */
export class Lab {
  private constructor(
    readonly url: string,
    readonly folder: string,
    private readonly environment: NodeJS.ProcessEnv,
    private readonly server: ChildProcess
  ) {}

  /** Start a server in a folder with these files (name → text), `environment` on top of ours. */
  static async start(
    files: Record<string, string>,
    environment: NodeJS.ProcessEnv,
    folder = temporary()
  ): Promise<Lab> {
    const work = join(folder, 'work');
    mkdirSync(work);
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(work, name), text);
    }
    const env = {
      ...process.env,
      JUPYTER_CONFIG_DIR: join(folder, 'config'),
      JUPYTER_DATA_DIR: join(folder, 'data'),
      JUPYTER_RUNTIME_DIR: join(folder, 'runtime'),
      ...environment
    };
    const config = resolve(__dirname, 'jupyter_server_config.py');
    const server = spawn('jupyter', ['lab', `--config=${config}`], { cwd: work, env });
    let log = '';
    server.stderr.on('data', chunk => (log += chunk));
    server.on('error', error => (log += error.message));
    const url = await waitForUrl(join(folder, 'runtime'), server);
    if (!url) {
      server.kill('SIGKILL');
      throw new Error(`jupyter lab did not start within ${START_S} s:\n${log}`);
    }
    const lab = new Lab(url, folder, env, server);
    lab.set('@jupyterlab/apputils-extension/notification', { fetchNews: 'false' });
    return lab;
  }

  /** Start a server whose kernels answer by these rules, with all our data in the server's folder. */
  static async echoing(
    files: Record<string, string>,
    rules: IRule[],
    settings: NodeJS.ProcessEnv = {}
  ): Promise<Lab> {
    const folder = temporary();
    const script = join(folder, 'script.json');
    writeFileSync(script, JSON.stringify(rules));
    const environment = {
      CODEASSIST_HOME: join(folder, 'home'),
      CODEASSIST_ENGINE: 'echo',
      CODEASSIST_ECHO_SCRIPT: script,
      ...settings
    };
    return Lab.start(files, environment, folder);
  }

  /** Change the user's settings of one of JupyterLab's plugins, for pages that are opened after. */
  set(plugin: string, settings: Record<string, unknown>): void {
    const file = join(this.folder, 'config/lab/user-settings', `${plugin}.jupyterlab-settings`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(settings));
  }

  /** Open a notebook and wait until its kernel is ready; return the cells. */
  async open(page: Page, notebook: string): Promise<Locator> {
    await page.goto(`${this.url}lab/tree/${notebook}?reset`); // not what another test has left open
    const panel = page.locator('.jp-NotebookPanel:not(.lm-mod-hidden)'); // others may be open
    await expect(panel).toBeVisible();
    await expect.poll(() => page.evaluate(kernelState)).toBe(`${notebook} connected, idle`);
    return panel.locator('.jp-Notebook .jp-Cell');
  }

  /** End the server, its kernels and the host, and remove the folders. */
  async stop(): Promise<void> {
    const exited = new Promise(done => this.server.once('exit', done));
    this.server.kill('SIGTERM');
    await exited;
    spawnSync('codeassist', ['host', 'stop'], { env: this.environment });
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The text of a notebook with these code cells, whose ids are cell-0, cell-1 and so on. */
export function notebook(...sources: string[]): string {
  const cells = sources.map((source, index) => ({
    cell_type: 'code',
    execution_count: null,
    id: `cell-${index}`,
    metadata: {},
    outputs: [],
    source
  }));
  const kernelspec = { display_name: 'Python 3', language: 'python', name: 'python3' };
  return JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 });
}

/** In the page: Lab shows "idle" before it is connected, and would lose what is run then. */
async function kernelState(): Promise<string> {
  const app = (window as any).jupyterapp;
  await app.restored;
  const context = app.shell.currentWidget?.sessionContext;
  if (!context) {
    return 'no notebook';
  }
  await context.ready;
  const kernel = context.session.kernel;
  await kernel.info;
  return `${context.path} ${kernel.connectionStatus}, ${kernel.status}`;
}

/** Run the first `count` cells as a user does: select the first, then Shift+Enter again and again. */
export async function runFirst(page: Page, cells: Locator, count: number): Promise<void> {
  await cells.first().click();
  for (let index = 0; index < count; index++) {
    await expect(cells.nth(index)).toHaveClass(/jp-mod-active/);
    await page.keyboard.press('Shift+Enter');
  }
}

function temporary(): string {
  return mkdtempSync(join(tmpdir(), 'codeassist-lab-'));
}

async function waitForUrl(runtime: string, server: ChildProcess): Promise<string | undefined> {
  for (let tries = 0; tries < START_S * 10 && server.exitCode === null; tries++) {
    const name = existsSync(runtime) && readdirSync(runtime).find(f => /^jpserver-\d+\.json$/.test(f));
    if (name) {
      return JSON.parse(readFileSync(join(runtime, name), 'utf8')).url;
    }
    await sleep(100);
  }
  return undefined;
}
