/** The code of an answer: its diff with a cell, hunk by hunk, running it, and fixes under errors. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Locator, type Page, test } from '@playwright/test';
import { Lab, notebook, runFirst } from './lab';
import { ask, lastAnswer, LOAD, openPanel } from './panel';

const CELL = 'import os\n\ntotal = 0\nfor n in [1, 2]:\n    total += n\n\n\nprint(total)\n# end';
const NEW = 'import os\nimport sys\n\ntotal = 0\nfor n in [1, 2]:\n    total += n * 2\n\n\nprint(total)';
const STDERR = 'import sys; print("fine", file=sys.stderr)';
const SHOP = "def price(row):\n    return row['cost'] * 2\n";
const MENDED_SHOP = SHOP.replace('cost', 'price');
const SOLD = ["import shop\nrow = {'price': 4}", 'paid = shop.price(row)'];
const MIXED = CELL.replace('total += n', 'total += n * 2');

let lab: Lab;

test.beforeAll(async () => {
  lab = await Lab.echoing(
    {
      'work.ipynb': notebook(LOAD, CELL, STDERR, 'values = [1]', 'sum(vlaues)'),
      'sold.ipynb': notebook(LOAD, ...SOLD),
      'shop.py': SHOP
    },
    [
      { match: 'shop.price', answer: `The key is price.\n\n\`\`\`python\n${MENDED_SHOP}\`\`\`\n` },
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

test('where there is room the texts stand side by side; a closed notebook takes no change', async ({
  page
}) => {
  await page.setViewportSize({ width: 2400, height: 1200 });
  const { cells, answer } = await answered(page);
  await page.getByRole('button', { name: 'Move to the main area' }).click();
  await cells.nth(1).click();
  await answer.getByRole('button', { name: 'Replace cell' }).click();
  const review = answer.getByRole('group', { name: 'Replace the cell' });
  await expect(review.locator('.cm-mergeView .cm-editor')).toHaveCount(2);
  await expect(review.getByRole('textbox', { name: 'Now' })).toContainText('# end');
  await review.getByRole('button', { name: 'Accept change 2 of 3' }).click();
  await expect(review.getByRole('textbox', { name: 'Now' })).toContainText('total += n * 2');
  await review.getByRole('button', { name: 'Accept all' }).click();
  await expect(review.getByRole('status')).toContainText('The cell was changed');
  expect(await sourceOf(page, 1)).toBe(NEW);

  await cells.nth(0).click();
  await answer.getByRole('button', { name: 'Replace cell' }).click();
  await expect(review.locator('.cm-mergeView')).toBeVisible();
  await page.evaluate(closeDiscarding, 'work.ipynb');
  await expect(page.getByRole('tab', { name: 'work.ipynb' })).toHaveCount(0);
  await expect(review).toHaveCount(0); // its chat is not shown any more
  const saved = readFileSync(join(lab.folder, 'work/work.ipynb'), 'utf8');
  expect(JSON.parse(saved).cells[0].source).toBe(LOAD);
});

test('a fault in a file of the project is mended in the file, on a click', async ({ page }) => {
  const cells = await lab.open(page, 'sold.ipynb');
  await runFirst(page, cells, 3);
  const panel = await openPanel(page);
  await page.getByRole('button', { name: 'Explain and fix' }).click();
  const proposal = panel.getByRole('region', { name: 'Proposed change' });
  await expect(proposal).toContainText('Ran: in a copy');
  const file = join(lab.folder, 'work/shop.py');
  expect(readFileSync(file, 'utf8')).toBe(SHOP);
  await proposal.getByRole('button', { name: 'Write to shop.py' }).click();
  await expect(proposal.getByRole('status')).toContainText('shop.py');
  expect(readFileSync(file, 'utf8')).toBe(MENDED_SHOP);

  // an error that is older than the kernel can be seen, but not looked into
  await page.evaluate(() =>
    (window as any).jupyterapp.shell.currentWidget.sessionContext.restartKernel()
  );
  await runFirst(page, cells, 1);
  await expect(panel.getByText('echo · ready')).toBeVisible();
  await page.getByRole('button', { name: 'Explain and fix' }).click();
  await expect(panel.locator('.jp-CodeAssist-turn').last()).toContainText('Run the cell again');
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
  return page.evaluate(at => {
    const [notebook] = [...(window as any).jupyterapp.shell.widgets('main')].filter(
      one => one.content?.widgets
    );
    return notebook.content.widgets[at].model.sharedModel.getSource();
  }, index);
}

/** In the page: close a notebook as if the user had said that it need not be saved. */
async function closeDiscarding(path: string): Promise<void> {
  const { shell } = (window as any).jupyterapp;
  const notebook = [...shell.widgets('main')].find((one: any) => one.context?.path === path);
  notebook.context.model.dirty = false;
  notebook.close();
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
