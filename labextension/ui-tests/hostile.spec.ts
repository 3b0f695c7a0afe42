/** Hostile answers, streamed into the panel and into a cell, saved and opened again: text, and nothing else. */

import { expect, type Page, test } from '@playwright/test';
import { ANSWERS } from './hostile';
import { Lab, notebook } from './lab';
import { ask, lastAnswer, LOAD, openPanel } from './panel';
import { Witness } from './witness';

const TOKEN_S = 0.005;
// What this file runs, and what JupyterLab runs when it has an address to open.
const OURS = [
  ...['notebook:run-all-cells', 'docmanager:save', 'docmanager:open', 'apputils:load-statedb'],
  ...['router:tree', 'filebrowser:open-path', 'filebrowser:go-to-path']
];
const FEWEST_ELEMENTS = 200; // that were looked at, or the test looked at nothing

let lab: Lab;

test.beforeEach(async () => {
  const names = Object.keys(ANSWERS);
  const rules = names.map(name => ({
    match: `attack ${name}\\s*$`, // at its end: earlier questions may be recalled before it
    answer: [...ANSWERS[name], `The end of ${name}.`].join('\n\n'),
    delay_s: TOKEN_S
  }));
  const questions = names.map(name => `%%assist\nattack ${name}`);
  lab = await Lab.echoing(
    { 'panel.ipynb': notebook(LOAD), 'cells.ipynb': notebook(LOAD, ...questions) },
    rules
  );
  lab.set('@jupyterlab/notebook-extension/tracker', { windowingMode: 'none' }); // all cells are in the page
});

test.afterEach(() => lab?.stop());

test('in the panel, also from the store', async ({ page }) => {
  await page.addInitScript(watch, '.jp-CodeAssist-answer');
  const witness = new Witness(page, lab.url);
  await lab.open(page, 'panel.ipynb');
  let panel = await openPanel(page);
  await listenToCommands(page);
  for (const name of Object.keys(ANSWERS)) {
    await ask(panel, `attack ${name}`);
    await expect(await lastAnswer(panel)).toContainText(`The end of ${name}.`);
  }
  await clickAll(page, '.jp-CodeAssist-markdown');
  expect(await found(page)).toEqual([]);

  await lab.open(page, 'panel.ipynb');
  panel = await openPanel(page);
  await listenToCommands(page);
  for (const name of Object.keys(ANSWERS).reverse()) {
    const turn = panel.getByRole('article').filter({ hasText: `The end of ${name}.` });
    await turn.scrollIntoViewIfNeeded(); // what is near is drawn, and what is before it is looked up
    await expect(turn.locator('.jp-RenderedMarkdown').last()).toContainText(`The end of ${name}.`);
  }
  await clickAll(page, '.jp-CodeAssist-markdown');
  expect(await found(page)).toEqual([]);
  await witness.expectNothing();
});

test('in cells, also after they are saved', async ({ page }) => {
  await page.addInitScript(watch, '.jp-OutputArea');
  const witness = new Witness(page, lab.url);
  let cells = await lab.open(page, 'cells.ipynb');
  await listenToCommands(page);
  await page.evaluate(() => (window as any).jupyterapp.commands.execute('notebook:run-all-cells'));
  const expectAll = async () => {
    for (const [index, name] of Object.keys(ANSWERS).entries()) {
      const output = cells.nth(index + 1).locator('.jp-OutputArea .jp-RenderedMarkdown');
      await expect(output).toContainText(`The end of ${name}.`);
      await expect(output).toContainText(/echo · \d+ tokens/);
    }
  };
  await expectAll();
  await clickAll(page, '.jp-RenderedMarkdown');
  await page.keyboard.press('Control+s');
  await expect.poll(() => page.evaluate(isSaved)).toBe(true);
  expect(await found(page)).toEqual([]);

  cells = await lab.open(page, 'cells.ipynb');
  await listenToCommands(page);
  await expectAll();
  await clickAll(page, '.jp-RenderedMarkdown');
  expect(await found(page)).toEqual([]);
  await witness.expectNothing();
});

/** In the page, from its beginning: note all below `root` that Markdown alone would not make. */
function watch(root: string): void {
  const elements = `p h1 h2 h3 h4 h5 h6 ul ol li blockquote pre code span em strong del hr br
    table thead tbody tr th td div`.split(/\s+/);
  const attributes = ['class', 'start', 'align', 'dir', 'data-jupyter-id'];
  const harmless = 'a.jp-InternalAnchorLink[href^="#"], input[type="checkbox"][disabled]'; // JupyterLab's
  const hidden = /[\u0000-\u0008\u000e-\u001f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e0fff}]/u;
  const seen = new Set<string>();
  const looked = new Set<Element>();
  Object.assign(window, { hostile: seen, looked });
  const inFormula = (element: Element) =>
    /^mjx-/i.test(element.localName) || element.closest('mjx-assistive-mml') !== null;
  const look = (element: Element) => {
    looked.add(element);
    if (element.matches(harmless)) {
      return;
    }
    const formula = inFormula(element);
    if (!formula && !elements.includes(element.localName)) {
      seen.add(`element ${element.outerHTML.slice(0, 300)}`);
    }
    for (const { name } of element.attributes) {
      const bad = formula ? /^(?:on|id$|name$|src|xlink|.*href)/.test(name) : !attributes.includes(name);
      if (bad) {
        seen.add(`attribute ${name} of ${element.outerHTML.slice(0, 300)}`);
      }
    }
  };
  new MutationObserver(() => {
    for (const rendered of document.querySelectorAll(`${root} .jp-RenderedMarkdown`)) {
      rendered.querySelectorAll('*').forEach(look);
      const text = hidden.exec(rendered.textContent ?? '');
      if (text) {
        seen.add(`character ${text[0].codePointAt(0)}`);
      }
    }
  }).observe(document, { attributes: true, characterData: true, childList: true, subtree: true });
}

/** In the page: note each command that is run from now on. */
async function listenToCommands(page: Page): Promise<void> {
  await page.evaluate(ours => {
    const { commands } = (window as any).jupyterapp;
    const execute = commands.execute.bind(commands);
    commands.execute = (id: string, args: unknown) => {
      if (!ours.includes(id)) {
        (window as any).hostile.add(`command ${id}`);
      }
      return execute(id, args);
    };
  }, OURS);
}

/** Click on all that was rendered, as a user might. */
async function clickAll(page: Page, root: string): Promise<void> {
  await page.evaluate(root => {
    for (const element of document.querySelectorAll<HTMLElement>(`${root} *`)) {
      element.click?.();
    }
  }, root);
}

/** What was found since the page was opened. */
async function found(page: Page): Promise<string[]> {
  expect(await page.evaluate(() => (window as any).looked.size)).toBeGreaterThan(FEWEST_ELEMENTS);
  return page.evaluate(() => [...(window as any).hostile]);
}

function isSaved(): boolean {
  return !(window as any).jupyterapp.shell.currentWidget.context.model.dirty;
}
