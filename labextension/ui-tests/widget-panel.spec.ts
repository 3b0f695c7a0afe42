/** `%assist panel`: the chat as a widget in a cell's output, beside a cell that is running. */

import { expect, test } from '@playwright/test';
import { Lab, notebook, runFirst } from './lab';
import { LOAD } from './panel';
import { Witness } from './witness';

const ANSWER = `Take the mean of $\\bar x_1$, **then** <img src=x onerror="alert(1)"> [look](https://links.example/):

\`\`\`python
total = sum(values)
\`\`\``;

let lab: Lab;

test.beforeAll(async () => {
  const cells = [LOAD, '%assist panel', 'import time; time.sleep(600)'];
  lab = await Lab.echoing({ 'work.ipynb': notebook(...cells) }, [
    { match: 'sum', answer: ANSWER, delay_s: 0.02 },
    { match: 'forever', answer: 'word '.repeat(4000), delay_s: 0.02 }
  ]);
});

test.afterAll(() => lab?.stop());

test('ask, insert and stop, while a cell is running', async ({ page }) => {
  const witness = new Witness(page, lab.url);
  const cells = await lab.open(page, 'work.ipynb');
  await runFirst(page, cells, 2);
  const panel = cells.nth(1).locator('.jp-OutputArea-output');
  const button = (name: string) => panel.getByRole('button', { name });
  await expect(panel.getByText(/^echo · /)).toBeVisible();
  await cells.nth(2).click();
  await page.keyboard.press('Control+Enter');
  await expect(cells.nth(2).locator('.jp-InputPrompt')).toHaveText('[*]:');

  await panel.getByLabel('Question').fill('how do I sum them?');
  await button('Send').click();
  await expect(panel.getByText(/^echo · \d+ tokens/)).toBeVisible();
  await expect(panel.getByText('how do I sum them?')).toBeVisible();
  await expect(panel.locator('pre')).toContainText('total = sum(values)');
  await expect(panel.locator('strong').last()).toHaveText('then');
  await expect(panel.locator('mjx-container')).toBeVisible();
  await expect(panel.locator('img, a')).toHaveCount(0);

  await button('Insert').click();
  await expect(panel.getByLabel('Code')).toHaveValue('total = sum(values)');
  await expect(panel.getByText('Copy it into a cell')).toBeVisible();

  await panel.getByLabel('Question').fill('go on forever');
  await button('Send').press('Enter');
  await expect(panel.getByText('word word')).toBeVisible();
  await button('Stop').press('Enter');
  await expect(panel.getByText(/^echo · .*stopped/)).toBeVisible();
  await expect(cells.nth(2).locator('.jp-InputPrompt')).toHaveText('[*]:');
  await witness.expectNothing();
});
