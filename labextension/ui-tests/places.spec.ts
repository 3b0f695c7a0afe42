/** Where the panel is and which kernel it talks to: main area, no notebook, other kernels, two windows. */

import { delimiter, resolve } from 'node:path';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { Lab, notebook } from './lab';
import { ask, lastAnswer, LOAD, openPanel } from './panel';

const WHY = 'Because.\n\n```python\nx = 1\n```\n';
const START = 'Start a Python kernel for this folder';
const KILL_HOST = `
import json, os
from codeassist_jupyter.host import endpoint
os.kill(json.loads((endpoint.runtime_dir() / "host.json").read_text())["pid"], 9)`;

let lab: Lab;

test.beforeAll(async () => {
  const paths = [resolve(__dirname, 'kernels'), process.env.JUPYTER_PATH ?? ''];
  lab = await Lab.echoing(
    {
      'a.ipynb': notebook(LOAD),
      'b.ipynb': notebook(LOAD),
      'plain.ipynb': inKernel('plain', 'text'),
      'bare.ipynb': inKernel('bare', 'python')
    },
    [
      { match: 'forever', answer: 'word '.repeat(4000), delay_s: 0.05 },
      { match: 'why', answer: WHY },
      { match: '', answer: 'Nothing to say.' }
    ],
    { JUPYTER_PATH: paths.join(delimiter) }
  );
});

test.afterAll(() => lab?.stop());

test('the panel moves beside the notebook and back, and stays there after a reload', async ({ page }) => {
  await lab.open(page, 'a.ipynb');
  const panel = await openPanel(page);
  const main = page.locator('#jp-main-dock-panel #codeassist-panel');
  const side = page.locator('#jp-right-stack #codeassist-panel');
  await expect(side).toBeVisible();
  const question = panel.getByRole('textbox', { name: 'Question' });
  await question.fill('why, asked of a?');

  await panel.getByRole('button', { name: 'Move to the main area' }).click();
  await expect(main).toBeVisible();
  await expect(page.locator('.jp-NotebookPanel')).toBeVisible();
  await expect(question).toHaveValue('why, asked of a?');
  await question.press('Enter');
  await lastAnswer(panel);

  // another notebook: the panel follows it, and goes on with it when it is itself the active tab
  await page.getByRole('tab', { name: 'a.ipynb' }).click(); // where the next one is opened
  await run(page, 'docmanager:open', { path: 'b.ipynb' });
  await expect(panel.getByText('why, asked of a?')).toBeHidden();
  await expect(panel.getByText('echo · ready')).toBeVisible();
  await ask(panel, 'why, asked of b?');
  await lastAnswer(panel);
  await expect(panel.getByText('why, asked of a?')).toBeHidden();

  await layoutSaved(page);
  await page.reload();
  await expect(main).toBeVisible();
  await page.getByRole('tab', { name: 'b.ipynb' }).click();
  await expect(panel.getByText('why, asked of b?')).toBeVisible();

  // closed, it is in the sidebar again; the command moves it, too
  await run(page, 'codeassist:open-panel');
  await run(page, 'application:close');
  await expect(main).toHaveCount(0);
  await openPanel(page);
  await run(page, 'codeassist:move-panel');
  await expect(main).toBeVisible();
  await panel.getByRole('button', { name: 'Move to the sidebar' }).click();
  await expect(side).toBeVisible();
});

test('without a notebook the panel has a kernel of its own', async ({ page }) => {
  await page.goto(`${lab.url}lab?reset`);
  await page.getByRole('tab', { name: 'CodeAssist' }).click();
  const panel = page.locator('#codeassist-panel');
  await ask(panel, 'why, asked of nobody?'); // it waits for a kernel
  await panel.getByRole('button', { name: START }).click();
  const apart = panel.getByText('This chat has a kernel of its own');
  await expect(apart).toBeVisible();
  await lastAnswer(panel);

  // code can go to a new notebook; the panel follows that, and comes back
  await panel.getByRole('button', { name: 'Insert below' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'New notebook' }).click();
  await expect(page.locator('.jp-NotebookPanel .jp-Cell')).toContainText('x = 1');
  await expect(apart).toBeHidden();
  await expect(panel.getByText('echo · ready')).toBeVisible();
  await expect(panel.getByText('why, asked of nobody?')).toBeHidden();
  await closeNotebook(page);
  await expect(panel.getByText('why, asked of nobody?')).toBeVisible();

  // the same kernel after a reload
  const before = await ownSessions(page);
  expect(before).toHaveLength(1);
  await page.goto(`${lab.url}lab?reset`);
  await page.getByRole('tab', { name: 'CodeAssist' }).click();
  await expect(panel.getByText('why, asked of nobody?')).toBeVisible();
  expect(await ownSessions(page)).toEqual(before);

  await panel.getByRole('button', { name: 'Shut it down' }).click();
  await expect(panel.getByRole('button', { name: START })).toBeVisible();
  expect(await ownSessions(page)).toEqual([]);

  // with all others; the chat is kept
  await panel.getByRole('button', { name: START }).click();
  await expect(panel.getByText('why, asked of nobody?')).toBeVisible();
  await page.evaluate(() => (window as any).jupyterapp.serviceManager.sessions.shutdownAll());
  await expect(panel.getByRole('button', { name: START })).toBeVisible();
});

test('a kernel that cannot answer is told, with what helps', async ({ page, context }) => {
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await lab.open(page, 'plain.ipynb');
  await page.getByRole('tab', { name: 'CodeAssist' }).click();
  const panel = page.locator('#codeassist-panel');
  await expect(panel.getByText('this notebook has another one')).toBeVisible();
  await ask(panel, 'why, asked of plain text?');
  await panel.getByRole('button', { name: START }).click();
  await lastAnswer(panel);
  await expect(panel.getByText('This chat has a kernel of its own')).toBeVisible();

  await run(page, 'docmanager:open', { path: 'bare.ipynb' });
  await panel.getByRole('button', { name: 'Copy the %pip line' }).click();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe('%pip install codeassist-jupyter');

  // back to the notebook in plain text, and to the kernel of the chat
  await page.getByRole('tab', { name: 'plain.ipynb' }).click();
  await expect(panel.getByText('why, asked of plain text?')).toBeVisible();
  await panel.getByRole('button', { name: 'Shut it down' }).click();
  await expect(panel.getByText('this notebook has another one')).toBeVisible();
});

test('a kernel or host that dies ends the answer, and the next one works', async ({ page }) => {
  await lab.open(page, 'a.ipynb');
  const panel = await openPanel(page);

  await streamForever(panel);
  await execute(page, KILL_HOST);
  const turn = panel.locator('.jp-CodeAssist-turn').last();
  await expect(turn.locator('.jp-CodeAssist-error, .jp-CodeAssist-note').last()).toContainText(/host/);
  await expect(turn.getByRole('button', { name: 'Retry' })).toBeVisible();
  await ask(panel, 'why, after the host?');
  await lastAnswer(panel);

  await streamForever(panel);
  await execute(page, 'import os; os.kill(os.getpid(), 9)');
  await expect(panel.getByText('The kernel went away while it answered')).toBeVisible();
  await page.getByRole('dialog').getByRole('button', { name: 'Ok' }).click(); // JupyterLab says so, too
  await ask(panel, 'why, after the restart?');
  await lastAnswer(panel);
  await expect(panel.getByText('The kernel went away while it answered')).toBeVisible();
});

test('two windows show one chat; a notebook may be renamed, closed, and change its kernel', async ({
  page,
  context
}) => {
  await lab.open(page, 'b.ipynb');
  const one = await openPanel(page);
  const other = await context.newPage();
  await lab.open(other, 'b.ipynb');
  const two = await openPanel(other);

  await ask(one, 'why, in window one?');
  await expect(two.getByText('why, in window one?')).toBeVisible();
  await lastAnswer(two);
  await streamForever(two);
  await expect(one.getByText('word word').last()).toBeVisible();
  await one.getByRole('button', { name: 'Stop' }).click();
  for (const panel of [one, two]) {
    await expect(panel.getByText(/^echo · .*stopped/)).toBeVisible();
  }
  await other.close();

  // renamed
  await page.evaluate(() =>
    (window as any).jupyterapp.serviceManager.contents.rename('b.ipynb', 'renamed.ipynb')
  );
  await expect(page.getByRole('tab', { name: 'renamed.ipynb' })).toBeVisible();
  await ask(one, 'why, renamed?');
  await lastAnswer(one);

  // closed and opened again
  await closeNotebook(page);
  await expect(one.getByText('why, renamed?')).toBeHidden();
  await run(page, 'docmanager:open', { path: 'renamed.ipynb' });
  await expect(one.getByText('why, renamed?')).toBeVisible();

  // another kernel, and one that is another notebook's
  await changeKernel(page, { name: 'bare' });
  await expect(one.getByRole('button', { name: 'Copy the %pip line' })).toBeVisible();
  await run(page, 'docmanager:open', { path: 'a.ipynb' });
  await expect(one.getByText('echo · ready')).toBeVisible();
  await ask(one, 'why, asked of another?');
  await lastAnswer(one);
  await changeKernel(page, { name: 'bare' });
  await expect(one.getByRole('button', { name: 'Copy the %pip line' })).toBeVisible();
  await changeKernel(page, { name: 'python3' });
  await expect(one.getByText('echo · ready')).toBeVisible();
  await expect(one.getByText('why, asked of another?')).toBeVisible();
  await page.getByRole('tab', { name: 'renamed.ipynb' }).click();
  const shared = await page.evaluate(kernelOf, 'a.ipynb');
  await changeKernel(page, { id: shared });
  await ask(one, 'why, shared?');
  await lastAnswer(one);
  await page.getByRole('tab', { name: 'a.ipynb' }).click();
  await expect(one.getByText('why, shared?')).toBeVisible();

  // one of the two is closed: the other still talks to it
  await closeNotebook(page);
  await expect(page.getByRole('tab', { name: 'a.ipynb' })).toHaveCount(0);
  await ask(one, 'why, alone?');
  await lastAnswer(one);
});

function inKernel(name: string, language: string): string {
  const content = JSON.parse(notebook('hello'));
  content.metadata.kernelspec = { display_name: name, language, name };
  return JSON.stringify(content);
}

async function run(page: Page, command: string, args: Record<string, string> = {}): Promise<void> {
  await page.evaluate(
    async ([command, args]) => {
      await (window as any).jupyterapp.commands.execute(command, args);
    },
    [command, args] as const
  );
}

/** Close the current notebook, saved: its kernel has told its version. */
async function closeNotebook(page: Page): Promise<void> {
  await run(page, 'docmanager:save');
  await run(page, 'application:close');
}

/** Run code in the kernel of the notebook that is current, beside an answer; the kernel may die of it. */
async function execute(page: Page, code: string): Promise<void> {
  await page.evaluate(code => {
    const { kernel } = (window as any).jupyterapp.shell.currentWidget.sessionContext.session;
    kernel.requestExecute({ code }).done.catch(() => undefined);
  }, code);
}

async function changeKernel(page: Page, kernel: { name?: string; id?: string }): Promise<void> {
  await page.evaluate(async kernel => {
    const { sessionContext } = (window as any).jupyterapp.shell.currentWidget;
    await sessionContext.changeKernel(kernel);
  }, kernel);
}

/** In the page: the id of a notebook's kernel. */
function kernelOf(path: string): string {
  const { sessions } = (window as any).jupyterapp.serviceManager;
  return [...sessions.running()].find((session: any) => session.path === path).kernel.id;
}

/** The kernels of sessions that belong to the panel. */
async function ownSessions(page: Page): Promise<string[]> {
  return page.evaluate(async () => {
    const { sessions } = (window as any).jupyterapp.serviceManager;
    await sessions.refreshRunning();
    const own = [...sessions.running()].filter((session: any) => session.type === 'codeassist');
    return own.map((session: any) => session.kernel.id);
  });
}

async function streamForever(panel: Locator): Promise<void> {
  await ask(panel, 'go on forever');
  await expect(panel.locator('.jp-CodeAssist-turn').last().getByText('word word')).toBeVisible();
}

/** Wait until JupyterLab has saved where the widgets are. */
async function layoutSaved(page: Page): Promise<void> {
  const saved = (url: string) => /api\/workspaces/.test(url);
  await page.waitForResponse(async response => {
    const request = response.request();
    return saved(request.url()) && request.method() === 'PUT';
  });
}
