/** The side panel in a real browser: asks, stops, inserts and replaces, also beside a running cell. */

import { expect, type Locator, test } from '@playwright/test';
import { Lab, notebook } from './lab';
import { ask, LOAD, openPanel } from './panel';

const ANSWER = `Take the mean:

\`\`\`python
total = sum(values)
\`\`\`

That is **all** 🐼: $\\bar x$.`;

let lab: Lab;

test.beforeAll(async () => {
  lab = await Lab.echoing(
    { 'work.ipynb': notebook(LOAD, 'values = [1, 2]', 'total = 1 / 0', 'import time; time.sleep(20)') },
    [
      { match: 'sum', answer: ANSWER, delay_s: 0.05 },
      { match: 'forever', answer: 'word '.repeat(4000), delay_s: 0.05 },
      { match: '', answer: 'Nothing to say.' }
    ]
  );
});

test.afterAll(() => lab?.stop());

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
  await panel.getByRole('button', { name: 'Accept all' }).click();
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
