/** The composer: commands, mentions, attachments, waiting questions and suggestions. */

import { expect, type Locator, test } from '@playwright/test';
import { Lab, notebook, runFirst } from './lab';
import { ask, lastAnswer, LOAD, openPanel } from './panel';

let lab: Lab;

test.beforeAll(async () => {
  const files = {
    'work.ipynb': notebook(LOAD, 'total = 41 + 1', '1 / 0'),
    'clean.py': 'def strip_all(rows):\n    return [row.strip() for row in rows]\n',
    'photo.bin': 'a\0b'
  };
  lab = await Lab.echoing(files, [
    { match: 'forever', answer: 'word '.repeat(4000), delay_s: 0.05 },
    { match: '', answer: 'Nothing to say.' }
  ]);
});

test.afterAll(() => lab?.stop());

test('commands are completed by keyboard and done', async ({ page }) => {
  const cells = await lab.open(page, 'work.ipynb');
  await runFirst(page, cells, 2);
  const panel = await openPanel(page);
  await page.keyboard.press('Alt+Shift+Q');
  const question = panel.getByLabel('Question');
  await expect(question).toBeFocused();

  await page.keyboard.type('/ex');
  const choices = panel.getByRole('listbox', { name: 'Completions' });
  await expect(choices.getByRole('option')).toHaveCount(2);
  await expect(question).toHaveRole('combobox');
  await page.keyboard.press('ArrowDown');
  await expect(choices.getByRole('option', { selected: true })).toContainText('/export');
  await page.keyboard.press('Escape');
  await expect(choices).toBeHidden();
  await page.keyboard.type('p');
  await expect(choices).toBeHidden();
  await question.fill('/h');
  await page.keyboard.press('Tab');
  await expect(question).toHaveValue('/help ');
  await page.keyboard.press('Enter');
  await expect(panel.getByRole('region', { name: 'Results' })).toContainText('/search WORDS');
  await page.keyboard.press('Escape');
  await expect(panel.getByRole('region', { name: 'Results' })).toBeHidden();

  await page.keyboard.type('/nothing');
  await page.keyboard.press('Enter');
  await expect(panel.getByRole('alert')).toContainText('no command /nothing');
  await cells.nth(1).click();
  await question.fill('/explain');
  await question.press('Enter');
  const turn = await lastAnswer(panel);
  await expect(turn).toContainText('code cell 2');
  await expect(question).toBeFocused();
});

test('what commands find is listed beside the chat, and places open', async ({ page }) => {
  const cells = await lab.open(page, 'work.ipynb');
  await runFirst(page, cells, 2);
  const panel = await openPanel(page);
  const results = panel.getByRole('region', { name: 'Results' });
  await ask(panel, '/vars');
  await expect(results.getByRole('listitem').filter({ hasText: 'total' })).toContainText('42');
  const place = results.getByRole('button', { name: /clean\.py/ }).first();
  await expect(async () => {
    await ask(panel, '/search strip_all');
    await expect(results).toContainText('for “strip_all”');
    await expect(place).toBeVisible({ timeout: 2000 }); // the project may still be being read
  }).toPass();
  await place.click();
  await expect(page.getByRole('tab', { name: 'clean.py' })).toBeVisible();
  await panel.getByRole('button', { name: 'Close the results' }).click();
  await expect(results).toBeHidden();
  await expect(panel.getByLabel('Question')).toBeFocused();
});

test('cells and variables are mentioned, carried and removed', async ({ page }) => {
  const cells = await lab.open(page, 'work.ipynb');
  await runFirst(page, cells, 2);
  const panel = await openPanel(page);
  const question = panel.getByLabel('Question');
  await question.click();
  await page.keyboard.type('what is @tot');
  const choices = panel.getByRole('listbox', { name: 'Completions' });
  await expect(async () => {
    await question.click(); // JupyterLab takes the focus once, late, when a page is opened
    await expect(choices.getByRole('option', { name: /@total/ })).toBeVisible({ timeout: 2000 });
  }).toPass();
  await expect(choices.getByRole('option', { name: /@cell:2 total = 41/ })).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(question).toHaveValue('what is @total ');
  await page.keyboard.type('in @cell:2');
  const chips = panel.getByRole('list', { name: 'Brought along' });
  await expect(chips.getByRole('listitem')).toHaveCount(2);
  await chips.getByRole('button', { name: 'Do not carry @total' }).click();
  await expect(question).toHaveValue('what is total in @cell:2');
  await expect(question).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(await lastAnswer(panel)).toContainText('@cell:2, a code cell');
});

test('a question waits while another one is answered, and is taken back', async ({ page }) => {
  await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  const question = panel.getByLabel('Question');
  await ask(panel, 'go on forever');
  await expect(panel.getByText('word word').last()).toBeVisible();
  await ask(panel, 'and then?');
  const waiting = panel.getByRole('list', { name: 'Waiting' });
  await expect(waiting).toContainText('and then?');
  await waiting.getByRole('button', { name: 'Take back' }).click();
  await expect(waiting).toBeHidden();
  await expect(question).toHaveValue('and then?');
  await question.press('Escape');
  await expect(panel.getByText(/^echo · .*stopped/)).toBeVisible();
  await question.fill('');
  await question.press('ArrowUp');
  await expect(question).toHaveValue('go on forever');
});

test('files, cells and long pastes are attached, the rest is refused', async ({ page }) => {
  const cells = await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  const question = panel.getByLabel('Question');
  const chips = panel.getByRole('list', { name: 'Brought along' });
  const text = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('some notes') };
  const binary = { name: 'photo.png', mimeType: 'image/png', buffer: Buffer.from([0xff, 0xd8, 0]) };
  await panel.locator('input[type=file]').setInputFiles([text, binary]);
  await expect(chips).toContainText('notes.txt');
  await expect(panel.getByRole('alert')).toContainText('“photo.png” is not a text file');

  await question.click();
  await question.evaluate(area => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', 'word '.repeat(5000));
    area.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  });
  await expect(chips).toContainText('pasted text, 25 kB');
  await expect(question).toHaveValue('');

  await drag(cells.nth(1).locator('.jp-InputPrompt'), question);
  await expect(chips).toContainText('code cell: total = 41 + 1');

  const file = page.getByRole('listitem', { name: /clean\.py/ });
  await expect(async () => {
    await drag(file, question);
    await expect(chips).toContainText('clean.py', { timeout: 2000 }); // not if the list was redrawn
  }).toPass();
  await question.fill('what do they say?');
  await question.press('Enter');
  await expect(await lastAnswer(panel)).toContainText('notes.txt');
  await expect(chips).toBeHidden();
});

test('questions are suggested after a failure; a click only writes them', async ({ page }) => {
  const cells = await lab.open(page, 'work.ipynb');
  await runFirst(page, cells, 3);
  const panel = await openPanel(page);
  const suggested = panel.getByRole('group', { name: 'Suggestions' });
  await suggested.getByRole('button', { name: 'Fix the ZeroDivisionError' }).click();
  const question = panel.getByLabel('Question');
  await expect(question).toHaveValue('/fix');
  await expect(question).toBeFocused();
  await question.press('Enter');
  await expect(panel.locator('.jp-CodeAssist-turn').last()).toContainText('Explain and fix the error');
});

test('the context menu of a cell asks about that cell', async ({ page }) => {
  const cells = await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  await cells.nth(1).locator('.jp-InputArea-editor').click({ button: 'right' });
  await page.getByRole('menuitem', { name: 'CodeAssist: Write tests for the cell' }).click();
  await expect(await lastAnswer(panel)).toContainText('code cell 2');
});

test('the settings say which key sends and whether questions are suggested', async ({ page }) => {
  lab.set('codeassist-jupyter/plugin', { sendWith: 'Ctrl+Enter', suggestions: false });
  const cells = await lab.open(page, 'work.ipynb');
  await runFirst(page, cells, 3);
  const panel = await openPanel(page);
  const question = panel.getByPlaceholder(/Ctrl\+Enter sends/);
  await question.click();
  await page.keyboard.type('one');
  await page.keyboard.press('Enter');
  await page.keyboard.type('two');
  await expect(question).toHaveValue('one\ntwo');
  await page.keyboard.press('Control+Enter');
  await lastAnswer(panel);
  await expect(panel.getByRole('group', { name: 'Suggestions' })).toBeHidden();
});

/** Drag as JupyterLab does, whose own backdrop is between the pointer and the target. */
async function drag(from: Locator, to: Locator): Promise<void> {
  const page = from.page();
  await from.hover();
  await page.mouse.down();
  const box = await to.boundingBox();
  const [x, y] = [(box?.x ?? 0) + 20, (box?.y ?? 0) + 10];
  await page.mouse.move(x - 100, y - 100, { steps: 5 });
  await page.mouse.move(x, y, { steps: 5 });
  await page.mouse.up();
}
