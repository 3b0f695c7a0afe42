/** Takes the picture of the README: a question about a data frame, answered by the default model. */

import { resolve } from 'node:path';
import { expect, test } from '@playwright/test';
import { Lab, notebook, runFirst } from './lab';
import { LOAD } from './panel';

const PICTURE = resolve(__dirname, '../../examples/answer.png');
const DATA = `import pandas as pd

df = pd.read_csv("oslo.csv", parse_dates=["date"])
df.head(3)`;
const QUESTION = '%%assist\nplot the monthly mean of `temp` in {df} as a line chart';

const WIDTH = 800; // CSS pixels
const PATIENCE_MS = 600_000; // to load the model and answer on two cores

test.use({ deviceScaleFactor: 1.5, colorScheme: 'light', viewport: { width: WIDTH + 90, height: 2000 } });

test('take the picture', async ({ page }) => {
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

/** A year of days whose temperature follows the seasons. */
function weather(): string {
  const rows = Array.from({ length: 366 }, (_, day) => {
    const date = new Date(Date.UTC(2024, 0, 1 + day)).toISOString().slice(0, 10);
    const temp = 6.5 - 11 * Math.cos((2 * Math.PI * (day - 15)) / 366) + 2.5 * Math.sin(day * 1.7);
    return `${date},Oslo,${temp.toFixed(1)}`;
  });
  return ['date,city,temp', ...rows, ''].join('\n');
}
