/** The code of an answer: its diff with a cell, hunk by hunk, running it, and fixes under errors. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { Lab, notebook, runFirst } from './lab';
import { ask, lastAnswer, LOAD, openPanel } from './panel';

const CELL = 'import os\n\ntotal = 0\nfor n in [1, 2]:\n    total += n\n\n\nprint(total)\n# end';
const NEW = 'import os\nimport sys\n\ntotal = 0\nfor n in [1, 2]:\n    total += n * 2\n\n\nprint(total)';
const STDERR = 'import sys; print("fine", file=sys.stderr)';
const MIXED = CELL.replace('total += n', 'total += n * 2');

let lab: Lab;

test.beforeAll(async () => {
  lab = await Lab.echoing(
    { 'work.ipynb': notebook(LOAD, CELL, STDERR, 'values = [1]', 'sum(vlaues)') },
    [
      { match: 'double', answer: `Like this:\n\n\`\`\`python\n${NEW}\n\`\`\`\n` },
      { match: '', answer: 'Nothing to say.' }
    ]
  );
});

test.afterAll(() => lab?.stop());

test('replace a cell hunk by hunk, as one step to undo', async ({ page }) => {
  const { cells, answer } = await answered(page);
  await cells.nth(1).click();
  await answer.getByRole('button', { name: 'Replace cell' }).press('Enter');
  const review = answer.getByRole('group', { name: 'Replace the cell' });
  await expect(review).toBeFocused();

  // by keyboard alone; the focus goes on to the next hunk
  await review.getByRole('button', { name: 'Reject change 1 of 3' }).press('Enter');
  await expect(review.getByRole('button', { name: 'Accept change 1 of 2' })).toBeFocused();
  await page.keyboard.press('Enter');
  expect(await sourceOf(page, 1)).toBe(CELL);
  await review.getByRole('button', { name: 'Reject change 1 of 1' }).press('Enter');
  await expect(review.getByRole('status')).toContainText('The cell was changed');
  expect(await sourceOf(page, 1)).toBe(MIXED);
  await cells.nth(1).locator('.cm-content').click();
  await page.keyboard.press('Control+z');
  expect(await sourceOf(page, 1)).toBe(CELL);
});

test('a diff stays with its cell, and says when that was changed or deleted', async ({ page }) => {
  const { cells, answer } = await answered(page);
  await cells.nth(1).click();
  await answer.getByRole('button', { name: 'Replace cell' }).click();
  await cells.nth(1).locator('.cm-content').click();
  await page.keyboard.press('Control+End');
  await page.keyboard.type(' mine');
  await cells.nth(0).click();
  const review = answer.getByRole('group', { name: 'Replace the cell' });
  await review.getByRole('button', { name: 'Accept all' }).click();
  await expect(review.getByRole('alert')).toContainText('changed meanwhile');
  await review.getByRole('button', { name: 'Make the diff again' }).click();
  await expect(review.locator('.cm-deletedChunk')).toContainText(['# end mine']);

  await cells.nth(1).click();
  await page.keyboard.press('Escape');
  await page.keyboard.press('d');
  await page.keyboard.press('d');
  await expect(cells).toHaveCount(4);
  await review.getByRole('button', { name: 'Accept all' }).click();
  await expect(review.getByRole('alert')).toContainText('not in the notebook any more');
  expect(await sourceOf(page, 0)).toBe(LOAD);
});

test('code of an answer runs in a new cell after it was agreed to once', async ({ page }) => {
  const { cells, answer } = await answered(page);
  await cells.nth(0).click();
  const before = await cells.count();
  const run = answer.getByRole('button', { name: 'Run in new cell' });
  await run.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(cells).toHaveCount(before);
  await run.click();
  await page.getByRole('dialog').getByRole('button', { name: 'Run' }).click();
  await expect(cells.nth(1).locator('.jp-OutputArea-output')).toHaveText('6');
  await run.click();
  await expect(cells).toHaveCount(before + 2);
  await expect(page.getByRole('dialog')).toHaveCount(0);
});

test('an error in a notebook has a button that asks to mend its cell', async ({ page }) => {
  const cells = await lab.open(page, 'work.ipynb');
  await runFirst(page, cells, 5);
  const button = page.getByRole('button', { name: 'Explain and fix' });
  await expect(cells.nth(4).locator('.jp-OutputArea-output pre')).toContainText('NameError');
  await expect(cells.nth(2).locator('.jp-OutputArea-output')).toHaveText('fine');
  await expect(button).toHaveCount(1);

  // not in a console nor in a view of the output, and not in the file
  await page.evaluate(openOthers);
  await expect(page.locator('.jp-CodeConsole .jp-OutputArea-output pre')).toContainText('ZeroDiv');
  await expect(page.locator('.jp-LinkedOutputView pre')).toContainText('NameError');
  await expect(button).toHaveCount(1);
  await page.evaluate(() => (window as any).jupyterapp.commands.execute('docmanager:save'));
  expect(readFileSync(join(lab.folder, 'work/work.ipynb'), 'utf8')).not.toContain('Explain and fix');

  await button.click();
  const panel = await openPanel(page);
  const turn = panel.locator('.jp-CodeAssist-turn').last();
  await expect(turn).toContainText('Run the cell again'); // the console had an error since
  const prompt = cells.nth(4).locator('.jp-InputPrompt');
  const before = await prompt.innerText();
  await cells.nth(4).click();
  await page.keyboard.press('Control+Enter');
  await expect(prompt).not.toHaveText(before);
  await expect(prompt).toHaveText(/\d/);
  await button.click();
  await expect(turn.getByRole('region', { name: 'Proposed change' })).toContainText('Ran: in a copy');
  await turn.getByRole('button', { name: 'Accept all' }).click();
  expect(await sourceOf(page, 4)).toBe('sum(values)');
  await turn.getByRole('button', { name: 'Run the cell' }).click();
  await expect(cells.nth(4).locator('.jp-OutputArea-output pre')).toHaveText('1');
  await expect(button).toHaveCount(0);
});

/** The cells of the notebook, and an answer that has code. */
async function answered(page: Page): Promise<{ cells: Locator; answer: Locator }> {
  const cells = await lab.open(page, 'work.ipynb');
  await runFirst(page, cells, 1);
  const panel = await openPanel(page);
  await ask(panel, 'double them');
  return { cells, answer: await lastAnswer(panel) };
}

/** The text of a cell in the notebook's model, which is what is saved. */
function sourceOf(page: Page, index: number): Promise<string> {
  return page.evaluate(
    at => (window as any).jupyterapp.shell.currentWidget.content.widgets[at].model.sharedModel.getSource(),
    index
  );
}

/** In the page: a console with an error of its own, and a view of the last cell's output. */
async function openOthers(): Promise<void> {
  const { commands, shell } = (window as any).jupyterapp;
  const notebook = shell.currentWidget;
  notebook.content.activeCellIndex = 4;
  await commands.execute('notebook:create-output-view');
  shell.activateById(notebook.id);
  const beside = await commands.execute('notebook:create-console');
  await beside.sessionContext.ready;
  await beside.console.inject('1 / 0');
  shell.activateById(notebook.id);
}
