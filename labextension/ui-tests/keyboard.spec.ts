/** The panel by keyboard alone, in 320 pixels, and with no motion. */

import { expect, type Page, test } from '@playwright/test';
import { Lab, notebook } from './lab';
import { ask, lastAnswer, LOAD, openPanel } from './panel';

const FARTHEST = 60; // presses of Tab from one end to the other
const WIDE = `A${'very'.repeat(60)}long word, \`${'code'.repeat(60)}\`, $${'x + '.repeat(80)}x$.

\`\`\`python
total = sum([${'value, '.repeat(60)}])
\`\`\`

| ${'column | '.repeat(20)}
|${'---|'.repeat(20)}
| ${'12345678 | '.repeat(20)}`;

let lab: Lab;

test.beforeAll(async () => {
  lab = await Lab.echoing({ 'work.ipynb': notebook(LOAD, 'x = 1') }, [
    { match: 'sum', answer: 'So:\n\n```python\ntotal = sum(values)\n```' },
    { match: 'forever', answer: 'word '.repeat(4000), delay_s: 0.05 },
    { match: 'wide', answer: WIDE },
    { match: '', answer: 'Nothing to say.' }
  ]);
});

test.afterAll(() => lab?.stop());

test('open, ask, stop, insert, see the history, and go back', async ({ page }) => {
  const cells = await lab.open(page, 'work.ipynb');
  await page.keyboard.press('Alt+Shift+A');
  const panel = page.locator('#codeassist-panel');
  const question = panel.getByLabel('Question');
  await expect(question).toBeFocused();
  await expect(panel.getByText('echo · ready')).toBeVisible();

  await page.keyboard.type('go on forever');
  await page.keyboard.press('Enter');
  await expect(panel.getByText('word word').last()).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(panel.getByText(/^echo · .*stopped/)).toBeVisible();
  await expect(question).toBeFocused();

  await page.keyboard.type('how do I sum them?');
  await page.keyboard.press('Enter');
  await lastAnswer(panel);
  await expect(question).toBeFocused();
  await tabTo(page, 'Shift+Tab', 'Insert below');
  await page.keyboard.press('Enter');
  await expect(cells).toHaveCount(3);
  expect((await focus(page)).name).toBe('Insert below');

  await tabTo(page, 'Shift+Tab', 'History');
  await page.keyboard.press('Enter');
  await expect(panel.getByRole('heading', { name: 'Today' })).toBeVisible();
  expect((await focus(page)).isLost).toBe(false);
  await tabTo(page, 'Tab', 'Rename');
  await tabTo(page, 'Shift+Tab', 'History');
  await page.keyboard.press('Enter');
  await expect(panel.getByText('total = sum(values)')).toBeVisible();
  expect((await focus(page)).name).toBe('History');

  await tabTo(page, 'Shift+Tab', 'Code Cell Content');
});

test('in 320 pixels nothing but code, tables and formulas scrolls sideways', async ({ page }) => {
  await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  await page.addStyleTag({ content: '#codeassist-panel { max-width: 320px !important; }' });
  await ask(panel, 'wide');
  await lastAnswer(panel);
  await expect(panel.locator('mjx-container')).toBeVisible();
  expect(await panel.evaluate(tooWide)).toEqual([]);
  expect(await panel.evaluate(tooSmall)).toEqual([]);
});

test('with reduced motion nothing moves', async ({ page }) => {
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  await ask(panel, 'go on forever');
  await expect(panel.getByText('word word').last()).toBeVisible();
  expect(await panel.evaluate(node => node.getAnimations({ subtree: true }).length)).toBe(0);
  await panel.getByRole('button', { name: 'Stop' }).click();
  await lastAnswer(panel);
});

interface IFocus {
  name: string;
  isLost: boolean;
  isInPanel: boolean;
  isShown: boolean;
}

/** Press a key until the element of that name has the focus, which never hides within the panel. */
async function tabTo(page: Page, key: string, name: string): Promise<void> {
  const passed: string[] = [];
  for (let presses = 0; presses < FARTHEST; presses++) {
    await page.keyboard.press(key);
    const now = await focus(page);
    passed.push(now.name);
    if (now.isInPanel) {
      expect(now, `after ${passed.join(', ')}`).toMatchObject({ isShown: true });
    }
    if (now.name === name) {
      return;
    }
  }
  throw new Error(`${name} is not among ${passed.join(', ')}`);
}

async function focus(page: Page): Promise<IFocus> {
  return page.evaluate(() => {
    const element = document.activeElement ?? document.body;
    const style = getComputedStyle(element);
    const { top, bottom, width, height } = element.getBoundingClientRect();
    const isMarked = style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 1;
    return {
      name: element.getAttribute('aria-label') ?? element.textContent?.trim().slice(0, 40) ?? '',
      isLost: element === document.body,
      isInPanel: element.closest('#codeassist-panel') !== null,
      isShown: isMarked && width > 0 && height > 0 && bottom > 0 && top < innerHeight
    };
  });
}

/** In the page: what is wider than the panel and does not scroll in a box of its own. */
function tooWide(panel: Element): string[] {
  const { right } = panel.getBoundingClientRect();
  const boxes = 'pre, table, mjx-container';
  return [...panel.querySelectorAll('*')]
    .filter(element => element.parentElement?.closest(boxes) === null)
    .filter(element => {
      const sideways = element.scrollWidth > element.clientWidth + 1 && !element.matches(boxes);
      const scrolls = /auto|scroll/.test(getComputedStyle(element).overflowX);
      return (sideways && scrolls) || element.getBoundingClientRect().right > right + 1;
    })
    .map(element => element.outerHTML.slice(0, 120));
}

/** In the page: what is clicked and has less than 24 pixels to be hit. */
function tooSmall(panel: Element): string[] {
  return [...panel.querySelectorAll('button, summary, select, input')]
    .map(element => element.closest('label') ?? element)
    .filter(element => {
      const { width, height } = element.getBoundingClientRect();
      return width > 0 && (width < 24 || height < 24);
    })
    .map(element => element.outerHTML.slice(0, 120));
}
