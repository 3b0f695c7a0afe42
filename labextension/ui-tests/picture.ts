/** Takes the picture of the README: the first question of the example and its answer, by the default model. */

import { resolve } from 'node:path';
import { expect, test } from '@playwright/test';
import { Lab, runFirst } from './lab';

const EXAMPLES = resolve(__dirname, '../../examples');
const DATA_CELL = 3;
const QUESTION_CELL = 5;
const MARGIN = 12;
const WIDTH = 800; // CSS pixels
const PATIENCE_MS = 600_000; // to load the model and answer on two cores

test.use({ deviceScaleFactor: 1.5, colorScheme: 'light' });

test('take the picture', async ({ page }) => {
  test.setTimeout(2 * PATIENCE_MS);
  const lab = await Lab.start(resolve(EXAMPLES, '01-ask.ipynb'), {});
  try {
    const cells = await lab.open(page);
    await page.keyboard.press('ControlOrMeta+b'); // no sidebar
    await page.setViewportSize({ width: WIDTH + 60, height: 2000 });
    await runFirst(page, cells, QUESTION_CELL + 1);
    const answer = cells.nth(QUESTION_CELL).locator('.jp-RenderedMarkdown');
    await expect(answer.locator('p').last()).toHaveText(/tokens\/s/, { timeout: PATIENCE_MS });

    await page.mouse.move(0, 0);
    const first = (await cells.nth(DATA_CELL).boundingBox())!;
    const last = (await cells.nth(QUESTION_CELL).boundingBox())!;
    const top = first.y - MARGIN;
    await page.screenshot({
      path: resolve(EXAMPLES, 'answer.png'),
      clip: { x: first.x, y: top, width: WIDTH, height: last.y + last.height + MARGIN - top }
    });
  } finally {
    await lab.stop();
  }
});
