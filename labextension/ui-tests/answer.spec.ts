/** An answer streams under its cell in a real browser, is safe to look at, and ends quietly. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { expect, test } from '@playwright/test';
import { Lab, runFirst } from './lab';
import { Witness } from './witness';

const EXAMPLE = resolve(__dirname, '../../examples/01-ask.ipynb');
const PLUGIN = 'codeassist-jupyter:plugin';
const CELLS_TO_RUN = 6; // up to the first question
const BEGINNING = 'Group the rows by month';
const LAST_LINE = /^echo · \d+ tokens · first after [\d.]+ s · [\d.]+ tokens\/s · context \d+ %/;

/** What a model might write: code to keep, and everything that a browser must never get to act on. */
const ANSWER = `${BEGINNING}, then plot the means.

\`\`\`python
df.groupby(df["date"].dt.month)["temp"].mean().plot()
\`\`\`

<script>document.title = "owned"</script><img src="https://images.example/a.png" onerror="document.title = 'owned'">
<a href="https://links.example/">raw link</a> [a link](https://links.example/b) ![an image](https://images.example/c.png)
<https://links.example/d> https://links.example/e www.links.example [reference]

[reference]: https://links.example/f

That is **all**.`;

let lab: Lab;

test.beforeAll(async () => {
  const rules = [{ match: 'monthly mean', answer: ANSWER, delay_s: 0.05 }];
  lab = await Lab.echoing({ 'ask.ipynb': readFileSync(EXAMPLE, 'utf8') }, rules);
});

test.afterAll(() => lab?.stop());

test('an answer streams into the notebook', async ({ page }) => {
  const problems: string[] = [];
  page.on('console', message => message.type() === 'error' && problems.push(message.text()));
  const witness = new Witness(page, lab.url);

  const cells = await lab.open(page, 'ask.ipynb');
  expect(await page.evaluate(id => (window as any).jupyterapp.isPluginActivated(id), PLUGIN)).toBe(true);

  const question = cells.nth(CELLS_TO_RUN - 1);
  const seen = await question.evaluateHandle(watch);
  await runFirst(page, cells, CELLS_TO_RUN);

  const answer = question.locator('.jp-RenderedMarkdown');
  await expect(answer.locator('p').last()).toHaveText(LAST_LINE);
  await expect(answer.locator('p').last().locator('em')).toHaveText(LAST_LINE);
  await expect(answer.locator('pre')).toContainText('df.groupby(df["date"].dt.month)');
  await expect(answer.locator('strong')).toHaveText('all');
  await expect(answer).toContainText('<script>'); // shown, not run
  await expect(answer).toContainText('[image blocked: images.example]');
  await expect(answer).toContainText('a link (https://links.example/b)');

  const { texts, unsafe } = await seen.jsonValue();
  const lengths = texts.filter(text => text.startsWith(BEGINNING)).map(text => text.length);
  expect(new Set(lengths).size).toBeGreaterThanOrEqual(3);
  expect(unsafe).toEqual([]);
  await witness.expectNothing();
  expect(problems).toEqual([]);
});

test('the extension is listed as enabled', () => {
  const { stderr } = spawnSync('jupyter', ['labextension', 'list'], { encoding: 'utf8' });
  const listed = stripVTControlCharacters(stderr);
  expect(listed).toMatch(/codeassist-jupyter v[\d.]+.*enabled.*OK/);
});

/** In the page: keep each text that the cell's output shows, and each element it should never hold. */
function watch(cell: Element): { texts: string[]; unsafe: string[] } {
  const kept = { texts: [] as string[], unsafe: [] as string[] };
  new MutationObserver(() => {
    for (const output of cell.querySelectorAll('.jp-OutputArea-output')) {
      kept.texts.push(output.textContent ?? '');
      for (const link of output.querySelectorAll('a')) {
        if (link.host !== location.host) {
          kept.unsafe.push(link.outerHTML); // a link of ours opens a file of the project
        }
      }
      for (const element of output.querySelectorAll('img, script, iframe, style, form, [onerror]')) {
        kept.unsafe.push(element.outerHTML);
      }
    }
  }).observe(cell, { childList: true, subtree: true, characterData: true });
  return kept;
}
