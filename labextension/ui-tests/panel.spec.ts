/** The side panel in a real browser: asks, stops, inserts and replaces, also beside a running cell. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { Lab } from './lab';

const LOAD = '%load_ext codeassist_jupyter';
const ANSWER = `Take the mean:

\`\`\`python
total = sum(values)
\`\`\`

That is **all** 🐼: $\\bar x$.`;

const HOSTILE = [
  '<script>document.title = "owned"</script>',
  '<img src="https://a.example/1.png" onerror="document.title=\'owned\'">',
  '![i](https://a.example/2.png) ![i][r] [click](javascript:document.title="owned")',
  '<a href="#" data-commandlinker-command="filebrowser:delete">x</a> <form name="body"><input></form>',
  '[r]: https://a.example/3.png',
  '# jupyterapp\n\n<svg onload=alert(1)><iframe src="https://a.example/4"></iframe>',
  '$\\href{javascript:alert(1)}{x}$',
  '```mermaid\ngraph TD; a-->b; click a "https://a.example/5"\n```',
  '- list\n\n  ```mermaid\n  graph TD; a-->b\n  ```',
  '```"><img src=x onerror=alert(1)>\ncode\n```',
  'The end of it.'
].join('\n\n');

let home: string;
let lab: Lab;

test.beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'codeassist-home-'));
  const script = join(home, 'script.json');
  const rules = [
    { match: 'sum', answer: ANSWER, delay_s: 0.05 },
    { match: 'forever', answer: 'word '.repeat(4000), delay_s: 0.05 },
    { match: 'attack', answer: HOSTILE, delay_s: 0.01 },
    { match: '', answer: 'Nothing to say.' }
  ];
  writeFileSync(script, JSON.stringify(rules));
  lab = await Lab.start(
    { 'work.ipynb': notebook(LOAD, 'values = [1, 2]', 'total = 1 / 0', 'import time; time.sleep(20)') },
    { CODEASSIST_HOME: home, CODEASSIST_ENGINE: 'echo', CODEASSIST_ECHO_SCRIPT: script }
  );
});

test.afterAll(async () => {
  await lab?.stop();
  rmSync(home, { recursive: true, force: true });
});

test('ask, stop, insert, replace and undo, also while a cell is running', async ({ page }) => {
  const problems: string[] = [];
  page.on('pageerror', error => problems.push(String(error)));
  const cells = await lab.open(page, 'work.ipynb');
  await cells.first().click();
  const panel = await openPanel(page);

  // ask and stream
  const lengths = await watchLengths(panel);
  await ask(panel, 'how do I sum them?');
  await expect(panel.getByText(/^echo · \d+ tokens/)).toBeVisible();
  await expect(panel.locator('strong')).toHaveText('all');
  await expect(panel.locator('mjx-container')).toBeVisible();
  await expect(panel.locator('pre')).toContainText('total = sum(values)');
  expect((await lengths()).size).toBeGreaterThanOrEqual(3);

  // insert below the selected cell, once, and undo that in one step
  await panel.getByRole('button', { name: 'Insert below' }).click();
  await expect(cells).toHaveCount(5);
  await expect(cells.nth(1)).toContainText('total = sum(values)');
  await cells.first().click();
  await page.keyboard.press('Escape');
  await page.keyboard.press('z');
  await expect(cells).toHaveCount(4);

  // replace the selected cell, and undo that in one step
  await cells.nth(2).click();
  await panel.getByRole('button', { name: 'Replace cell' }).click();
  await expect(cells.nth(2)).toContainText('total = sum(values)');
  await cells.nth(2).locator('.cm-content').click();
  await page.keyboard.press('Control+z');
  await expect(cells.nth(2)).toContainText('total = 1 / 0');

  // while a cell is running: ask and stop
  await cells.nth(3).click();
  await page.keyboard.press('Control+Enter');
  await expect(cells.nth(3).locator('.jp-InputPrompt')).toHaveText('[*]:');
  await ask(panel, 'go on forever');
  await expect(panel.getByText('word word').last()).toBeVisible();
  await panel.getByRole('button', { name: 'Stop' }).click();
  await expect(panel.getByText(/^echo · .*stopped/)).toBeVisible();
  await expect(cells.nth(3).locator('.jp-InputPrompt')).toHaveText('[*]:');
  expect(problems).toEqual([]);
});

test('the chat survives a reload and a restart of the kernel', async ({ page }) => {
  await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  await expect(panel.getByText('how do I sum them?')).toBeVisible();
  await page.evaluate(async () => {
    const context = (window as any).jupyterapp.shell.currentWidget.sessionContext;
    await context.session.kernel.restart();
  });
  await ask(panel, 'how do I sum them again?');
  await expect(panel.locator('.jp-CodeAssist-turn').last().getByText(/^echo · /)).toBeVisible();
});

test('a hostile answer is text', async ({ page }) => {
  const requested: string[] = [];
  page.on('request', request => requested.push(request.url()));
  let dialogs = 0;
  page.on('dialog', dialog => (dialogs++, void dialog.dismiss()));
  await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  const seen = await panel.evaluateHandle(node => {
    const found: string[] = [];
    const bad = '.jp-CodeAssist-answer :is(img, script, iframe, form, input, svg, a, [id], [name], [onerror])';
    new MutationObserver(() => {
      node.querySelectorAll(bad).forEach(element => found.push(element.outerHTML));
    }).observe(node, { childList: true, subtree: true, attributes: true });
    return found;
  });
  await ask(panel, 'attack');
  const answer = panel.locator('.jp-CodeAssist-turn').last();
  await expect(answer.getByText(/^echo · /)).toBeVisible();
  await expect(answer).toContainText('The end of it.');
  await expect(answer).toContainText('graph TD');
  expect(await seen.jsonValue()).toEqual([]);
  expect(requested.filter(url => !url.startsWith(lab.url) && !/^(data|blob):/.test(url))).toEqual([]);
  expect(dialogs).toBe(0);
  await expect(page).not.toHaveTitle(/owned/);
});

async function openPanel(page: Page): Promise<Locator> {
  const panel = page.locator('#codeassist-panel');
  if (!(await panel.isVisible())) {
    await page.getByRole('tab', { name: 'CodeAssist' }).click();
  }
  await expect(panel.getByText('echo · ready')).toBeVisible();
  return panel;
}

async function ask(panel: Locator, question: string): Promise<void> {
  await panel.getByLabel('Question').fill(question);
  await panel.getByLabel('Question').press('Enter');
}

/** Note each length that the answer has while it streams. */
async function watchLengths(panel: Locator): Promise<() => Promise<Set<number>>> {
  const lengths = await panel.evaluateHandle(node => {
    const found: number[] = [];
    new MutationObserver(() => {
      found.push(node.querySelector('.jp-CodeAssist-answer')?.textContent?.length ?? 0);
    }).observe(node, { childList: true, subtree: true, characterData: true });
    return found;
  });
  return async () => new Set(await lengths.jsonValue());
}

function notebook(...sources: string[]): string {
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
