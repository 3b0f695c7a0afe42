/** A new user's way through the first guide with the default model: ask, insert, run, break, mend. */

import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { Lab, runFirst } from './lab';
import { ask } from './panel';

const GUIDE = readFileSync(resolve(__dirname, '../../examples/01-ask.ipynb'), 'utf8');
const PATIENCE_MS = 400_000; // to load the model and answer on two cores
const WAIT = 'import os, time\nwhile not os.path.exists("go"):\n    time.sleep(0.1)';
const QUESTION = 'Write code that sets `warmest` to the highest value of the column temp of df.';

let lab: Lab;

test.beforeAll(async () => {
  lab = await Lab.start({ '01-ask.ipynb': GUIDE }, {});
});

test.afterAll(() => lab?.stop());

test('ask while a cell runs, insert, run, break a cell, and mend it', async ({ page }) => {
  test.setTimeout(2 * PATIENCE_MS);
  const cells = await lab.open(page, '01-ask.ipynb');
  await runFirst(page, cells, 4); // loads the extension, makes df
  await insertBelow(page, WAIT);
  const waiting = cells.nth(5).locator('.jp-InputPrompt');
  await page.keyboard.press('Control+Enter');
  await expect(waiting).toHaveText('[*]:');

  const panel = page.locator('#codeassist-panel');
  await page.getByRole('tab', { name: 'CodeAssist' }).click();
  await expect(panel.getByRole('textbox', { name: 'Question' })).toBeVisible();
  await ask(panel, QUESTION);
  const answer = panel.locator('.jp-CodeAssist-turn').last();
  await expect(answer.getByText(/tokens\/s/)).toBeVisible({ timeout: PATIENCE_MS });
  await expect(waiting).toHaveText('[*]:'); // it answered beside the running cell

  await answer.getByRole('button', { name: 'Insert below' }).first().click();
  const inserted = cells.nth(6);
  await expect(inserted).toContainText('warmest');
  writeFileSync(join(lab.folder, 'work/go'), '');
  await expect(waiting).toHaveText(/\d/);
  await inserted.click();
  await page.keyboard.press('Control+Enter');
  await expect(inserted.locator('.jp-InputPrompt')).toHaveText(/\d/);

  await insertBelow(page, 'mean = df["tmep"].mean()\nmean');
  const broken = cells.nth(7);
  await page.keyboard.press('Control+Enter');
  await broken.getByRole('button', { name: 'Explain and fix' }).click();
  const fix = panel.locator('.jp-CodeAssist-turn').last();
  await expect(fix.getByRole('region', { name: 'Proposed change' })).toContainText('copy of your kernel', {
    timeout: PATIENCE_MS
  });
  await fix.getByRole('button', { name: 'Accept all' }).click();
  await expect(broken).toContainText('df["temp"].mean()');
  await fix.getByRole('button', { name: 'Run the cell' }).click();
  await expect(broken.locator('.jp-OutputArea-output pre')).toContainText(/-?\d+\.\d+/);
});

/** Make a code cell below the selected one, and leave the cursor in it. */
async function insertBelow(page: Page, source: string): Promise<void> {
  await page.keyboard.press('Escape');
  await page.keyboard.press('b');
  await page.keyboard.press('Enter');
  await page.keyboard.insertText(source);
}
