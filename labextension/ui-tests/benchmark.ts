/** Measures the side panel in a real browser, for tests/benchmarks/panel, which prints what this writes. */

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, type Page, test } from '@playwright/test';
import { Lab, notebook, runFirst } from './lab';
import { ask, lastAnswer, LOAD, openPanel } from './panel';

const EXTENSION = 'codeassist-jupyter';
const ROUND_TRIPS = 200;
const QUESTIONS = 30;
const STOPS = 20;
const OPENED = 10;
const EXCHANGES = 1000; // 2,000 messages
const PX_PER_FRAME = 60; // 3,600 a second: a long flick
const SCROLLED_S = 8;
const DRAGGED_S = 10; // from the end to the beginning
const STARTS = 40;

const folder = mkdtempSync(join(tmpdir(), 'codeassist-benchmark-'));
const EMITTED = join(folder, 'emitted');
const BUSY = 'while True: sum(range(1000))';

/** In the kernel: notes when the core gives the first piece of an answer; keeps a long chat. */
const SETUP = `import time
from codeassist_jupyter.types import Exchange
session = get_ipython()._codeassist.session
plain_ask = session.assistant.ask

def timed_ask(question, answer):
    first = True
    for event in plain_ask(question, answer):
        if first and type(event).__name__ == "Text":
            first = False
            with open(${JSON.stringify(EMITTED)}, "a") as file:
                file.write(f"{1000 * time.time()}\\n")
        yield event

session.assistant.ask = timed_ask
text = "The mean of **group {0}**:\\n\\n\`\`\`python\\nframe.groupby('g{0}').mean()\\n\`\`\`\\n\\n- one\\n- two, with $x_{0}$\\n\\n" + "It goes on. " * 20
for n in range(1, ${EXCHANGES} + 1):
    session.chat.save(Exchange(f"question {n} of the long chat", text.replace("{0}", str(n)), "echo", (), None, "stop", time.time()))
session.assistant.reset()`;

let lab: Lab;

test.setTimeout(1_200_000);
test.use({ viewport: { width: 1400, height: 900 } });

test.beforeAll(async () => {
  lab = await Lab.echoing({ 'work.ipynb': notebook(LOAD, SETUP, 'print("ready")', BUSY) }, [
    { match: 'short', answer: 'One two three.', prompt_delay_s: 0.1, delay_s: 0.01 },
    { match: 'forever', answer: 'word '.repeat(4000), delay_s: 0.02 }
  ]);
});

test.afterAll(async () => {
  await lab?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('the panel', async ({ page }) => {
  const cells = await lab.open(page, 'work.ipynb');
  await page.evaluate(tools);
  await runFirst(page, cells, 3);
  await expect(cells.nth(2).locator('.jp-OutputArea-output')).toHaveText('ready');
  const panel = await openPanel(page);

  const emitted: number[] = [];
  const shown: number[] = [];
  for (let n = 0; n < QUESTIONS; n++) {
    await page.evaluate(turns => {
      const answers = () => document.querySelectorAll('.jp-CodeAssist-turn .jp-CodeAssist-answer');
      (window as any).seen = (window as any).appears(
        () => answers().length > turns && answers()[turns].textContent !== ''
      );
    }, n);
    await ask(panel, `short ${n}`);
    shown.push(await page.evaluate(() => (window as any).seen));
    await lastAnswer(panel);
  }
  emitted.push(...readFileSync(EMITTED, 'utf8').trim().split('\n').map(Number));
  keep('first_delta_ms', shown.map((at, n) => at - emitted[n]));

  const stopped: number[] = [];
  for (let n = 0; n < STOPS; n++) {
    await ask(panel, 'forever');
    await expect(panel.locator('.jp-CodeAssist-turn').last().locator('.jp-CodeAssist-answer')).toContainText('word');
    stopped.push(await page.evaluate(stop));
  }
  keep('stop_ms', stopped);

  keep('open_ms', await openings(page));
  keep('rest_frames_ms', (await page.evaluate(scroll, { px: 0, seconds: 2 })).frames);
  expect(await page.evaluate(loadAll)).toBe(EXCHANGES);
  const flick = await page.evaluate(scroll, { px: PX_PER_FRAME, seconds: SCROLLED_S });
  expect(flick.moved).toBeGreaterThan(60 * PX_PER_FRAME);
  keep('scroll_frames_ms', flick.frames);
  const drag = await page.evaluate(scroll, { px: Infinity, seconds: DRAGGED_S });
  keep('drag_frames_ms', drag.frames);

  await panel.getByRole('button', { name: 'New chat' }).click();
  await cells.nth(3).click();
  await page.keyboard.press('Control+Enter');
  await expect(cells.nth(3).locator('.jp-InputPrompt')).toHaveText('[*]:');
  keep('round_trip_busy_ms', await page.evaluate(roundTrips, ROUND_TRIPS));
  await expect(cells.nth(3).locator('.jp-InputPrompt')).toHaveText('[*]:');
});

test('the start of JupyterLab', async ({ browser }) => {
  const [plain, ours] = [await labWith(false), await labWith(true)];
  const started: Record<string, number[]> = { plain: [], ours: [] };
  try {
    for (let round = -1; round < STARTS; round++) {
      const order = [['plain', plain] as const, ['ours', ours] as const];
      for (const [name, server] of round % 2 ? order : order.reverse()) {
        const context = await browser.newContext(); // nothing is cached
        const page = await context.newPage();
        await page.goto(`${server.url}lab?reset`);
        await page.waitForFunction(() => (window as any).jupyterapp);
        const ms = await page.evaluate(async () => {
          await (window as any).jupyterapp.restored;
          return performance.now();
        });
        const has = await page.evaluate(
          id => (window as any).jupyterapp.hasPlugin(id),
          `${EXTENSION}:plugin`
        );
        expect(has).toBe(name === 'ours');
        if (round >= 0) {
          started[name].push(ms); // the first round warms the servers
        }
        await context.close();
      }
    }
  } finally {
    await plain.stop();
    await ours.stop();
  }
  keep('start_ms', started);
});

/** Add what was measured to the file that is asked for. */
function keep(name: string, found: unknown): void {
  const file = process.env.CODEASSIST_BENCHMARK!;
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  writeFileSync(file, JSON.stringify({ ...before, [name]: found }));
}

/** A JupyterLab with all extensions that are installed, without ours or with it. */
async function labWith(ours: boolean): Promise<Lab> {
  const home = mkdtempSync(join(folder, 'lab-'));
  const extensions = join(home, 'labextensions');
  mkdirSync(extensions);
  const { data } = JSON.parse(execFileSync('jupyter', ['--paths', '--json'], { encoding: 'utf8' }));
  for (const path of (data as string[]).map(root => join(root, 'labextensions'))) {
    for (const name of names(path)) {
      if (!names(extensions).includes(name) && (ours || name !== EXTENSION)) {
        symlinkSync(join(path, name), join(extensions, name));
      }
    }
  }
  mkdirSync(join(home, 'config'));
  const settings = { LabApp: { labextensions_path: [extensions] } };
  writeFileSync(join(home, 'config', 'jupyter_config.json'), JSON.stringify(settings));
  return Lab.start({}, {}, home);
}

function names(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

/** How long the long chat takes to be shown after a click on its title; another one between. */
async function openings(page: Page): Promise<number[]> {
  const found: number[] = [];
  const panel = page.locator('#codeassist-panel');
  for (let n = 0; n < OPENED; n++) {
    for (const [title, last] of [
      ['question 1 of the long chat', `question ${EXCHANGES} of the long chat`],
      ['short 0', 'forever']
    ]) {
      await panel.getByRole('button', { name: 'History' }).click();
      await expect(panel.getByRole('button', { name: title, exact: true })).toBeVisible();
      const ms = await page.evaluate(open, { title, last });
      if (last !== 'forever') {
        found.push(ms);
      }
    }
  }
  await panel.getByRole('button', { name: 'History' }).click();
  await expect(panel.getByText('question 1 of the long chat').first()).toBeVisible();
  await page.evaluate(open, {
    title: 'question 1 of the long chat',
    last: `question ${EXCHANGES} of the long chat`
  });
  return found;
}

/** In the page: adds `appears`, when something that becomes true in the panel was painted. */
function tools(): void {
  (window as any).appears = (isTrue: () => boolean): Promise<number> =>
    new Promise(resolve => {
      const node = document.body;
      const look = () => {
        if (isTrue()) {
          observer.disconnect();
          requestAnimationFrame(() => {
            const channel = new MessageChannel(); // served after the frame
            channel.port1.onmessage = () => resolve(performance.timeOrigin + performance.now());
            channel.port2.postMessage(0);
          });
        }
      };
      const observer = new MutationObserver(look);
      observer.observe(node, { childList: true, subtree: true, characterData: true });
      look();
    });
}

/** In the page: how long it takes from a click on Stop until the answer says that it has stopped. */
async function stop(): Promise<number> {
  const panel = document.querySelector('#codeassist-panel')!;
  const button = [...panel.querySelectorAll('button')].find(one => one.textContent?.trim() === 'Stop')!;
  const last = [...panel.querySelectorAll('.jp-CodeAssist-turn')].pop()!;
  const begun = performance.timeOrigin + performance.now();
  button.click();
  return (await (window as any).appears(() => /· stopped/.test(last.textContent ?? ''))) - begun;
}

/** In the page: how long it takes from a click on a chat's title until its last turn is shown. */
async function open({ title, last }: { title: string; last: string }): Promise<number> {
  const panel = document.querySelector('#codeassist-panel')!;
  const button = [...panel.querySelectorAll('button')].find(one => one.textContent?.trim() === title)!;
  const begun = performance.timeOrigin + performance.now();
  button.click();
  const shown = () => {
    const turn = [...panel.querySelectorAll('.jp-CodeAssist-turn')].pop();
    return (turn?.getAttribute('aria-label') ?? '').startsWith(last) && !!turn?.querySelector('.jp-CodeAssist-answer')?.textContent;
  };
  return (await (window as any).appears(shown)) - begun;
}

/** In the page: get the older turns, page by page; how many turns there are then. */
async function loadAll(): Promise<number> {
  const shown = [...(window as any).jupyterapp.shell.widgets('right')];
  const { model } = await shown.find(one => one.id === 'codeassist-panel').panel();
  while (model.older) {
    await model.showOlder();
    await new Promise(requestAnimationFrame);
  }
  return document.querySelectorAll('#codeassist-panel .jp-CodeAssist-turn').length;
}

/**
 * In the page: the time between frames while the chat is scrolled up by `px` in each, or all the way
 * in that time where `px` is Infinity; and how far it was scrolled.
 */
async function scroll({
  px,
  seconds
}: {
  px: number;
  seconds: number;
}): Promise<{ frames: number[]; moved: number }> {
  const list = document.querySelector('#codeassist-panel .jp-CodeAssist-turns')!;
  const frame = () => new Promise<number>(requestAnimationFrame);
  list.scrollTop = list.scrollHeight;
  await frame();
  const from = list.scrollTop;
  const step = Number.isFinite(px) ? px : from / (60 * seconds);
  const frames: number[] = [];
  let last = await frame();
  const end = last + 1000 * seconds;
  while (last < end) {
    list.scrollTop -= step;
    const now = await frame();
    frames.push(now - last);
    last = now;
  }
  return { frames, moved: from - list.scrollTop };
}

/** In the page: how long a request over the panel's own comm takes, one after the other. */
async function roundTrips(count: number): Promise<number[]> {
  const shown = [...(window as any).jupyterapp.shell.widgets('right')];
  const sidebar = shown.find(one => one.id === 'codeassist-panel');
  const { link } = (await sidebar.panel()).model;
  const found: number[] = [];
  for (let n = 0; n < count; n++) {
    const begun = performance.now();
    await link.call('hello', { version: '0' });
    found.push(performance.now() - begun);
  }
  return found;
}
