/** What is written in the composer, until it is sent; against a kernel that speaks the protocol. */

import { YNotebook } from '@jupyter/ydoc';
import type { NotebookPanel } from '@jupyterlab/notebook';
import { Cells } from '../src/cells';
import { Draft } from '../src/draft';
import { KernelLink } from '../src/kernel';
import { ChatModel } from '../src/model';
import { submit } from '../src/submit';
import { KernelDouble } from './kernel_double';

const NONE = { conversation: '', title: '', exchanges: [], older: false, running: '' };

/** A chat beside a notebook with one selected cell, which may have failed. */
async function chat(outputs: { type: string }[] = [], selection = [0, 0]) {
  const kernel = new KernelDouble();
  const model = new ChatModel(new KernelLink('0.1.0'));
  model.link.setKernel(kernel.connection);
  await jest.advanceTimersByTimeAsync(5000);
  kernel.answer('open', 'opened', NONE);
  const sharedModel = new YNotebook();
  const cell = sharedModel.addCell({ cell_type: 'code', source: 'x = 1\ny = x' });
  const shown = {
    id: cell.getId(),
    type: 'code',
    sharedModel: cell,
    executionCount: 1,
    outputs: { length: outputs.length, get: (at: number) => outputs[at] }
  };
  const editor = {
    getSelection: () => ({ start: selection[0], end: selection[1] }),
    getOffsetAt: (position: number) => position
  };
  const content = {
    activeCell: { model: shown, editor },
    activeCellIndex: 0,
    model: { sharedModel, cells: [shown] }
  };
  const cells = new Cells(() => ({ content }) as unknown as NotebookPanel);
  const draft = new Draft(model, cells);
  return { kernel, model, cells, draft, send: () => submit(draft, model, cells), cell };
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('a question carries its mentions, its attachments and what was switched off', async () => {
  const { kernel, model, draft, send, cell } = await chat();
  model.carry('chat', false);
  draft.know([{ kind: 'variable', name: 'df', detail: '' }]);
  draft.write('compare @cell:1 with @df');
  await draft.attach({ label: 'data.csv', text: 'a,b' });
  cell.setSource('changed');
  await send();
  expect(kernel.last('ask')).toMatchObject({
    question: 'compare @cell:1 with @df',
    without: ['chat'],
    attachments: [
      { label: '@cell:1, a code cell', text: 'changed' },
      { label: 'data.csv', text: 'a,b' }
    ],
    mentions: [{ kind: 'variable', name: 'df' }]
  });
  expect([draft.text, draft.attachments]).toEqual(['', []]);
});

test('what is too large stays as it was, and why is said', async () => {
  const { kernel, draft, send } = await chat();
  for (const label of ['one', 'two']) {
    await draft.attach({ label, text: 'x'.repeat(100_000) });
  }
  await draft.attach({ label: 'three', text: 'x'.repeat(60_000) });
  expect(draft.attachments).toHaveLength(2);
  expect(draft.problem).toMatch(/261 kB; 250 kB at most/);
  draft.write('x'.repeat(60_000));
  await send();
  expect(draft.text).toHaveLength(60_000);
  expect(draft.problem).toMatch(/Remove an attachment/);
  expect(kernel.last('ask')).toEqual({});
});

test('only a huge paste becomes an attachment', async () => {
  const { draft } = await chat();
  expect(draft.paste('x'.repeat(20_000))).toBe(false);
  expect(draft.paste('x'.repeat(20_001))).toBe(true);
  await jest.advanceTimersByTimeAsync(0);
  expect(draft.attachments).toMatchObject([{ label: 'pasted text, 21 kB' }]);
  expect(draft.paste('x'.repeat(100_001))).toBe(true);
  await jest.advanceTimersByTimeAsync(0);
  expect(draft.attachments).toHaveLength(1);
  expect(draft.problem).toMatch(/at most 100 kB/);
});

test('a question that waits can be taken back, into what is written meanwhile', async () => {
  const { kernel, model, draft, send } = await chat();
  draft.write('first');
  await send();
  draft.write('second @cell:1');
  await draft.attach({ label: 'data.csv', text: 'a' });
  await send();
  draft.write('third');
  const [first, second] = model.turns;
  draft.takeBack(second);
  expect(draft.text).toBe('third\nsecond @cell:1');
  expect(draft.attachments).toEqual([{ label: 'data.csv', text: 'a' }]);
  draft.takeBack(first); // it is being answered
  expect(model.turns).toHaveLength(1);
  expect(draft.text).toBe('third\nsecond @cell:1');
  expect(kernel.asked.filter(({ op }) => op === 'ask')).toHaveLength(1);
});

test('the last question is recalled where nothing is written', async () => {
  const { draft, send } = await chat();
  expect(draft.recall()).toBe(false);
  draft.write('why?');
  await send();
  expect([draft.recall(), draft.text]).toEqual([true, 'why?']);
  expect(draft.recall()).toBe(false);
});

test('an unknown command is not sent', async () => {
  const { kernel, draft, send } = await chat();
  draft.write('/expain');
  await send();
  expect(draft).toMatchObject({ text: '/expain' });
  expect(draft.problem).toMatch(/no command \/expain; \/help/);
  expect(kernel.last('ask')).toEqual({});
  draft.write(' /etc/passwd?');
  expect(draft.problem).toBe('');
  await send();
  expect(kernel.last('ask')).toMatchObject({ question: '/etc/passwd?' });
});

test('a search shows its hits; where it is refused, why is said', async () => {
  const { kernel, draft, send } = await chat();
  const hit = { label: 'a.py:3', path: 'a.py', line: 3, cell: null, name: 'f', snippet: 'def f' };
  draft.write('/search two words');
  const found = send();
  expect(kernel.last('search')).toMatchObject({ query: 'two words' });
  kernel.answer('search', 'found', { hits: [hit], confident: true, complete: true });
  expect(await found).toEqual({
    title: '1 place for “two words”',
    entries: [{ label: 'a.py:3 · f', detail: 'def f', place: { path: 'a.py', line: 3, cell: null } }]
  });
  expect(draft.text).toBe('');
  draft.write('/search again');
  const refused = send();
  kernel.answer('search', 'error', { code: 'x', message: 'there is no index', hint: 'Make one.' });
  expect(await refused).toBeUndefined();
  expect(draft).toMatchObject({ text: '/search again', problem: 'There is no index. Make one.' });
});

test('what is written while a command runs is kept', async () => {
  const { kernel, draft, send } = await chat();
  draft.write('/vars');
  const found = send();
  draft.write('next');
  kernel.answer('variables', 'variables', { variables: [] });
  expect((await found)?.title).toBe('No variable');
  expect(draft.text).toBe('next');
});

test('a command is about the selected cell, or the text selected in it', async () => {
  const whole = await chat();
  whole.draft.write('/explain briefly');
  await whole.send();
  expect(whole.kernel.last('ask')).toMatchObject({
    question: expect.stringMatching(/^Explain what this code does.*\nbriefly$/s),
    attachments: [{ label: 'code cell 1', text: 'x = 1\ny = x' }]
  });
  const part = await chat([], [11, 6]); // selected from right to left
  part.draft.write('/doc');
  await part.send();
  expect(part.kernel.last('ask')).toMatchObject({
    attachments: [{ label: 'selected in code cell 1', text: 'y = x' }]
  });
});

test('a failed cell is mended, another one is looked through', async () => {
  const failed = await chat([{ type: 'stream' }, { type: 'error' }]);
  failed.draft.write('/fix x == 1');
  await failed.send();
  const { activeCell } = failed.cells.notebook ?? {};
  expect(failed.kernel.last('fix')).toMatchObject({ cell: activeCell?.model.id, expect: ['x == 1'] });
  const fine = await chat([{ type: 'stream' }]);
  fine.draft.write('/fix');
  await fine.send();
  expect(fine.kernel.last('fix')).toEqual({});
  expect(fine.kernel.last('ask').question).toMatch(/^Find the mistakes/);
});

test('without a notebook a command about a cell says so', async () => {
  const { model, draft, kernel } = await chat();
  draft.write('/test');
  await submit(draft, model, new Cells(() => null));
  expect(draft).toMatchObject({ text: '/test', problem: 'No cell is selected; select one in the notebook.' });
  expect(kernel.last('ask')).toEqual({});
});

test('a mention that was not chosen is looked up before the question is sent', async () => {
  const { kernel, draft, send } = await chat();
  draft.write('see @df, @unknown and @cell:1');
  const sent = send();
  const asked = kernel.asked.filter(({ op }) => op === 'complete');
  expect(asked.map(({ text }) => text)).toEqual(['df', 'unknown']);
  for (const { id, text } of asked) {
    const items = text === 'df' ? [{ kind: 'variable', name: 'df', detail: 'DataFrame' }] : [];
    kernel.comm.say({ id, ev: 'completions', seq: 0, items });
  }
  await sent;
  expect(kernel.last('ask')).toMatchObject({
    question: 'see @df, @unknown and @cell:1',
    mentions: [{ kind: 'variable', name: 'df' }],
    attachments: [{ label: '@cell:1, a code cell' }]
  });
});

test('a kernel that is slow to look mentions up does not hold the question back', async () => {
  const { kernel, draft, send } = await chat();
  draft.write('see @df');
  const sent = send();
  await jest.advanceTimersByTimeAsync(500);
  await sent;
  expect(kernel.last('ask')).toMatchObject({ question: 'see @df', mentions: [] });
});

test('what goes wrong unexpectedly is said, too', async () => {
  const { draft } = await chat();
  await expect(draft.attach(Promise.reject(new Error('it broke')))).rejects.toThrow('it broke');
  expect(draft.problem).toBe('it broke');
});
