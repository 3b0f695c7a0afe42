/** Takes the pictures of the README: questions about a data frame, answered by the default model. */

import { resolve } from 'node:path';
import { expect, test } from '@playwright/test';
import { Lab, notebook, runFirst } from './lab';
import { ask, LOAD, THEMES, useTheme } from './panel';

const PICTURE = resolve(__dirname, '../../examples/answer.png');
const DATA = `import pandas as pd

df = pd.read_csv("oslo.csv", parse_dates=["date"])
df.head(3)`;
const QUESTION = '%%assist\nplot the monthly mean of `temp` in {df} as a line chart';

const PANEL_QUESTION = 'How do I plot the monthly mean of temp?';
const PANEL_PICTURES = ['panel-light.png', 'panel-dark.png', 'panel-contrast.png']; // as THEMES
const PANEL_GROWS = 190; // CSS pixels

const WIDTH = 800; // CSS pixels
const PATIENCE_MS = 600_000; // to load the model and answer on two cores

test.use({ deviceScaleFactor: 1.5, colorScheme: 'light', viewport: { width: WIDTH + 90, height: 2000 } });

test('take the picture of a cell', async ({ page }) => {
  test.setTimeout(2 * PATIENCE_MS);
  const lab = await Lab.start({ 'weather.ipynb': notebook(LOAD, DATA, ''), 'oslo.csv': weather() }, {});
  try {
    const cells = await lab.open(page, 'weather.ipynb');
    await page.keyboard.press('ControlOrMeta+b'); // no sidebar
    await runFirst(page, cells, 2);
    const question = cells.nth(2);
    await page.keyboard.press('Enter');
    await page.keyboard.insertText(QUESTION);
    await page.keyboard.press('Shift+Enter');
    await expect(question.locator('.jp-RenderedMarkdown p').last()).toHaveText(/tokens\/s/, {
      timeout: PATIENCE_MS
    });

    await page.mouse.move(0, 0);
    const first = (await cells.nth(1).boundingBox())!;
    const last = (await question.boundingBox())!;
    const height = last.y + last.height - first.y;
    await page.screenshot({ path: PICTURE, clip: { x: first.x, y: first.y, width: WIDTH, height } });
  } finally {
    await lab.stop();
  }
});

test.describe('take the pictures of the panel', () => {
  test.use({ deviceScaleFactor: 1, viewport: { width: 1100, height: 840 } });

  test('in each theme', async ({ page }) => {
    test.setTimeout(2 * PATIENCE_MS);
    const lab = await Lab.start({ 'weather.ipynb': notebook(LOAD, DATA, ''), 'oslo.csv': weather() }, {});
    try {
      const cells = await lab.open(page, 'weather.ipynb');
      await page.keyboard.press('ControlOrMeta+b'); // no sidebar
      await runFirst(page, cells, 2);
      await page.getByRole('tab', { name: 'CodeAssist' }).click();
      const panel = page.locator('#codeassist-panel');
      await expect(panel).toBeVisible();
      const { x, y } = (await panel.boundingBox())!;
      await page.mouse.move(x - 2, y + 300);
      await page.mouse.down();
      await page.mouse.move(x - PANEL_GROWS, y + 300);
      await page.mouse.up();
      await ask(panel, PANEL_QUESTION);
      await expect(panel.getByText(/tokens\/s/)).toBeVisible({ timeout: PATIENCE_MS });
      for (const [theme, name] of THEMES.map((theme, index) => [theme, PANEL_PICTURES[index]])) {
        await useTheme(page, theme);
        await page.screenshot({ path: resolve(__dirname, '../../examples', name) });
      }
    } finally {
      await lab.stop();
    }
  });
});

/** A year of days whose temperature follows the seasons. */
function weather(): string {
  const rows = Array.from({ length: 366 }, (_, day) => {
    const date = new Date(Date.UTC(2024, 0, 1 + day)).toISOString().slice(0, 10);
    const temp = 6.5 - 11 * Math.cos((2 * Math.PI * (day - 15)) / 366) + 2.5 * Math.sin(day * 1.7);
    return `${date},Oslo,${temp.toFixed(1)}`;
  });
  return ['date,city,temp', ...rows, ''].join('\n');
}
