/** The conversation in the panel: long ones, edited questions, history, settings, what is carried. */

import { expect, type Page, test } from '@playwright/test';
import { Lab, notebook } from './lab';
import { ask, lastAnswer, LOAD, openPanel } from './panel';

const TURNS = 120;
const FILL = `${LOAD}
from codeassist_jupyter.types import Exchange
chat = get_ipython()._codeassist.session.chat
for number in range(1, ${TURNS + 1}):
    chat.save(Exchange(f'item {number}', f'It is **{number}**.\\n\\n- a\\n- b\\n\\n' * 5))`;
const SPOKEN = 'One sentence. Another **one**.\n\n```python\nx = 1\n```\n\nThe end of it.';

let lab: Lab;

test.beforeAll(async () => {
  lab = await Lab.echoing(
    { 'work.ipynb': notebook(LOAD), 'long.ipynb': notebook(LOAD) },
    [
      { match: 'speak', answer: SPOKEN, delay_s: 0.1 },
      { match: 'forever', answer: 'word '.repeat(4000), delay_s: 0.05 },
      { match: '', answer: 'Nothing to say.' }
    ]
  );
});

test.afterAll(() => lab?.stop());

test('edit and ask again, rate, switch parts off', async ({ page }) => {
  await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  const turns = panel.locator('.jp-CodeAssist-turn');
  await ask(panel, 'first of all');
  await lastAnswer(panel);
  await ask(panel, 'second of all');
  await lastAnswer(panel);

  const edit = turns.first().getByRole('button', { name: 'Edit and ask again' });
  await edit.press('Enter');
  await expect(panel.getByLabel('Edited')).toBeFocused();
  await page.keyboard.press('Escape');
  await expect(edit).toBeFocused();
  await edit.press('Enter');
  await panel.getByLabel('Edited').fill('another of all');
  await page.keyboard.press('Enter');
  await expect(turns).toHaveCount(1);
  await lastAnswer(panel);

  const good = turns.first().getByRole('button', { name: 'Good answer' });
  await good.click();
  await expect(good).toHaveAttribute('aria-pressed', 'true');

  await panel.getByRole('button', { name: /^Context · \d+ tokens/ }).click();
  const carried = panel.getByRole('region', { name: 'What is carried' });
  await expect(carried.getByText('Chat so far')).toBeVisible();
  await expect(carried.getByText(/1 turn/)).toBeVisible();
  await carried.getByLabel('Chat so far').uncheck();
  await expect(carried.getByText(/1 turn/)).toBeHidden();

  await page.reload();
  await expect(turns).toHaveCount(1);
  await expect(panel.getByText('another of all')).toBeVisible();
  await expect(good).toHaveAttribute('aria-pressed', 'true');
});

test('find, mark, rename, export and delete a chat', async ({ page }) => {
  await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  await panel.getByRole('button', { name: 'New chat' }).click();
  await ask(panel, 'a question on giraffes');
  await lastAnswer(panel);
  await panel.getByRole('button', { name: 'History' }).click();
  const today = panel.getByRole('region', { name: 'Today' });
  await panel.getByLabel('Search the chats').fill('giraffes');
  const row = today.getByRole('listitem');
  await expect(row).toHaveCount(1);
  await row.getByRole('button', { name: 'Bookmark' }).click();
  await expect(row.getByRole('button', { name: 'Bookmark' })).toHaveAttribute('aria-pressed', 'true');
  await row.getByRole('button', { name: 'Rename' }).click();
  await page.getByRole('dialog').getByRole('textbox').fill('On giraffes');
  await page.keyboard.press('Enter');
  await expect(row.getByRole('button', { name: 'On giraffes', exact: true })).toBeVisible();
  await row.getByRole('button', { name: 'Export' }).click();
  await expect(panel.getByText(/Written: .*On-giraffes\.md/)).toBeVisible();
  await row.getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await expect(panel.getByText('There is no such chat.')).toBeVisible();
});

test('a setting that cannot be is refused beside its field', async ({ page }) => {
  await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  await panel.getByRole('button', { name: 'Settings' }).click();
  const field = panel.getByLabel('max_tokens');
  await field.fill('many');
  await field.press('Enter');
  await expect(panel.getByRole('alert')).toContainText('max_tokens');
  await expect(field).toHaveAttribute('aria-invalid', 'true');
  await field.fill('99');
  await field.press('Enter');
  await expect(panel.getByRole('alert')).toBeHidden();
  await expect(panel.getByText('Origin: session')).toBeVisible();
});

test('an answer is spoken by sentence', async ({ page }) => {
  await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  const said = await panel.locator('.jp-CodeAssist-spoken').evaluateHandle(node => {
    const found: (string | null)[] = [];
    new MutationObserver(changes =>
      changes.forEach(({ addedNodes }) => addedNodes.forEach(one => found.push(one.textContent)))
    ).observe(node, { childList: true });
    return found;
  });
  await ask(panel, 'speak');
  await lastAnswer(panel);
  await expect.poll(() => said.jsonValue()).toEqual([
    'Answering.',
    'One sentence.',
    'Another one.',
    'Code of 1 line.',
    'The end of it.',
    'Answer complete.'
  ]);
});

test('a long chat gets its beginning when the user scrolls up, and follows its end', async ({ page }) => {
  await lab.open(page, 'long.ipynb');
  expect(await page.evaluate(run, FILL)).toBe('ok');
  await page.reload();
  const panel = await openPanel(page);
  const turns = panel.locator('.jp-CodeAssist-turn');
  await expect(turns.last()).toHaveAttribute('aria-label', `item ${TURNS}`);
  await expect(turns.last()).toHaveAttribute('aria-posinset', String(TURNS));
  expect(await turns.count()).toBeLessThan(TURNS);
  await expect.poll(() => fromEnd(page)).toBeLessThan(2);
  expect(await panel.locator('.jp-CodeAssist-turn:has(.jp-RenderedMarkdown)').count()).toBeLessThan(40);

  // what is seen is still seen when what is older has come
  const list = panel.locator('.jp-CodeAssist-turns');
  const seen = panel.locator(`.jp-CodeAssist-turn[data-key="${await list.evaluate(scrollUp)}"]`);
  await expect.poll(() => turns.count()).toBeGreaterThan(50);
  await expect(turns.first()).not.toBeInViewport();
  await expect(seen).toBeInViewport();

  // text that was not drawn is there to be found
  await expect(turns.filter({ hasText: 'It is **' }).first()).toBeAttached();

  // an answer does not pull down who reads above; the button does
  await ask(panel, 'forever');
  await expect.poll(() => fromEnd(page)).toBeLessThan(2);
  await panel.locator('.jp-CodeAssist-turns').hover();
  await page.mouse.wheel(0, -600);
  await expect(panel.getByRole('button', { name: 'Jump to the end' })).toBeVisible();
  const above = await fromEnd(page);
  await expect.poll(() => fromEnd(page)).toBeGreaterThan(above);
  await panel.getByRole('button', { name: 'Jump to the end' }).press('Enter');
  await expect.poll(() => fromEnd(page)).toBeLessThan(2);
  await expect(panel.getByRole('button', { name: 'Jump to the end' })).toBeHidden();
  await panel.getByRole('button', { name: 'Stop' }).click();
});

/** In the page: run code in the kernel of the notebook, without a cell. */
async function run(code: string): Promise<string> {
  const { session } = (window as any).jupyterapp.shell.currentWidget.sessionContext;
  return (await session.kernel.requestExecute({ code }).done).content.status;
}

/** In the page: scroll near the first turn; gives the key of the first that is wholly seen then. */
async function scrollUp(list: HTMLElement): Promise<string> {
  list.scrollTop = 300;
  await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const edge = list.getBoundingClientRect().top;
  const turns = [...list.querySelectorAll<HTMLElement>('.jp-CodeAssist-turn')];
  return turns.find(turn => turn.getBoundingClientRect().top >= edge)!.dataset.key!;
}

function fromEnd(page: Page): Promise<number> {
  return page.locator('.jp-CodeAssist-turns').evaluate(
    ({ scrollHeight, scrollTop, clientHeight }) => scrollHeight - scrollTop - clientHeight
  );
}
