/** The side panel in Notebook 7, which JupyterLab's server serves where it is installed. */

import { expect, test } from '@playwright/test';
import { Lab, notebook } from './lab';
import { ask, lastAnswer, LOAD } from './panel';

let lab: Lab;

test.beforeAll(async () => {
  const answer = 'Because.\n\n```python\nx = 1\n```\n';
  lab = await Lab.echoing({ 'work.ipynb': notebook(LOAD) }, [{ match: '', answer }]);
});

test.afterAll(() => lab?.stop());

test('the panel opens by keyboard and by menu, answers and inserts', async ({ page, request }) => {
  const found = await request.get(`${lab.url}tree`);
  test.skip(found.status() === 404, 'Notebook 7 is not installed');
  const problems: string[] = [];
  page.on('pageerror', ({ stack = '' }) => {
    if (stack.includes('codeassist-jupyter')) {
      problems.push(stack); // Notebook has one of its own
    }
  });
  await page.goto(`${lab.url}notebooks/work.ipynb`);
  const cells = page.locator('.jp-Notebook .jp-Cell');
  await cells.first().click();
  const panel = page.locator('#codeassist-panel');

  await page.keyboard.press('Alt+Shift+A');
  await expect(panel).toBeVisible();
  await expect(panel.getByText('echo · ready')).toBeVisible();
  await expect(panel.getByRole('button', { name: 'Move to the main area' })).toHaveCount(0);
  await ask(panel, 'why?');
  const turn = await lastAnswer(panel);
  await turn.getByRole('button', { name: 'Insert below' }).click();
  await expect(cells.nth(1)).toContainText('x = 1');

  // hidden and shown again from the menu
  for (const visible of [false, true]) {
    await page.getByRole('menuitem', { name: 'View', exact: true }).click();
    await page.locator('.lm-Menu').getByText('Right Sidebar', { exact: true }).hover();
    await page.locator('.lm-Menu').getByText('Show CodeAssist', { exact: true }).click();
    await expect(panel).toBeVisible({ visible });
  }
  await expect(panel.getByText('why?')).toBeVisible();
  expect(problems).toEqual([]);
});
