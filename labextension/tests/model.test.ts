/** The chat and its connection, against a kernel that speaks the protocol. */

import { KernelLink } from '../src/kernel';
import { ChatModel } from '../src/model';
import { KernelDouble } from './kernel_double';

const NOTHING = { conversation: '', title: '', exchanges: [], older: false, running: '' };
const DONE = { stopped: 'stop', footer: 'm · 2 tokens', sources: [], conversation: 'c', number: 1 };

async function chat(kernel: KernelDouble): Promise<ChatModel> {
  const model = new ChatModel(new KernelLink('0.1.0'));
  model.link.setKernel(kernel.connection);
  await settled();
  return model;
}

/** Let all that is waiting run. */
async function settled(): Promise<void> {
  await jest.advanceTimersByTimeAsync(5000);
}

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test('it greets, opens the conversation, asks and puts the answer together', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  expect(model.link.hello?.model).toBe('m');
  const kept = { number: 1, question: 'old', answer: 'yes', stopped: 'stop', feedback: 0, sources: [] };
  kernel.answer('open', 'opened', { ...NOTHING, exchanges: [kept] });
  await settled();
  model.ask('why?');
  kernel.answer('ask', 'start', { question: 'why?' }, 0);
  kernel.answer('ask', 'text', { at: 0, text: '🐼 is [a' }, 1);
  kernel.answer('ask', 'text', { at: 6, text: 'bear' }, 2);
  expect(model.isRunning).toBe(true);
  kernel.answer('ask', 'done', DONE, 3);
  expect(model.turns.map(turn => turn.answer)).toEqual(['yes', '🐼 is bear']);
  expect(model.turns[1]).toMatchObject({ state: 'done', number: 1, conversation: 'c' });
});

test('what is asked while the conversation is looked up keeps its place', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  model.ask('early', { without: [], attachments: [{ label: 'the cell', text: 'x' }], mentions: [] });
  const { id } = kernel.last('ask');
  kernel.answer('open', 'opened', { ...NOTHING, running: id });
  await settled();
  expect(model.turns).toHaveLength(1);
  expect(model.turns[0]).toMatchObject({ id, carried: { attachments: [{ label: 'the cell' }] } });
});

test('what was missed is asked for again, what came twice is ignored', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  model.ask('why?');
  const { id } = kernel.last('ask');
  kernel.answer('ask', 'start', { question: 'why?' }, 0);
  kernel.answer('ask', 'text', { at: 1, text: 'b' }, 2);
  expect(kernel.last('resume')).toMatchObject({ target: id, from_seq: 1 });
  kernel.answer('ask', 'text', { at: 0, text: 'a' }, 1);
  kernel.answer('ask', 'text', { at: 1, text: 'b' }, 2);
  kernel.answer('ask', 'text', { at: 1, text: 'b' }, 2);
  expect(model.turns[0].answer).toBe('ab');
});

test('a restart ends the answer, and what is asked meanwhile is answered after it', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  model.ask('first');
  kernel.statusChanged.emit('restarting');
  expect(model.turns[0]).toMatchObject({ state: 'failed' });
  model.ask('second');
  expect(model.turns[1].state).toBe('queued');
  kernel.statusChanged.emit('idle');
  await settled();
  kernel.answer('open', 'opened', NOTHING);
  await settled();
  expect(kernel.last('ask')).toMatchObject({ question: 'second' });
  expect(model.turns.map(turn => turn.state)).toEqual(['failed', 'running']);
});

test('what waits in one place is asked there, whatever place is shown meanwhile', async () => {
  const kernel = new KernelDouble();
  const model = new ChatModel(new KernelLink('0.1.0'));
  model.ask('anywhere');
  model.moveTo('a.ipynb', true);
  model.ask('of a');
  expect(model.turns.map(turn => turn.question)).toEqual(['anywhere', 'of a']);
  model.moveTo('b.ipynb', false);
  model.link.setKernel(kernel.connection);
  await settled();
  expect(model.turns).toEqual([]);
  expect(kernel.last('ask')).toEqual({});
  model.link.setKernel(null);
  model.moveTo('a.ipynb', false);
  expect(model.turns.map(turn => turn.question)).toEqual(['anywhere', 'of a']);
});

test('an answer is over when its kernel is changed or shut down', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  model.ask('why?');
  model.link.setKernel(null);
  expect(model.turns[0]).toMatchObject({ state: 'failed', question: 'why?' });
});

test('stop cancels what runs and takes back what waits', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  model.ask('one');
  model.ask('two');
  model.stop();
  expect(kernel.last('cancel')).toMatchObject({ target: kernel.last('ask').id });
  expect(model.turns.map(turn => turn.question)).toEqual(['one']);
});

test('a busy kernel without the extension is waited for; then it is missing or there', async () => {
  const kernel = new KernelDouble(true);
  kernel.hasExtension = false;
  const model = await chat(kernel);
  expect(model.link.state).toBe('waiting');
  kernel.finishLoading('error');
  await settled();
  expect(model.link.state).toBe('missing');
});

test('a kernel of another language is named', async () => {
  const model = await chat(new KernelDouble(false, 'julia'));
  expect(model.link.state).toBe('not-python');
});

test('what the kernel refuses is shown with its hint', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  void model.begin();
  kernel.answer('new', 'error', { code: 'HostError', message: 'no host', hint: 'Start it.' });
  await settled();
  expect(model.problem).toBe('no host. Start it.');
});

test('a request of the kernel to replace a cell is handed on', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  const asked: string[] = [];
  model.replaceAsked.connect((_, { id, cell }) => {
    asked.push(cell);
    model.replaced(id, true);
  });
  kernel.comm.say({ id: 'r', ev: 'replace_cell', seq: 0, cell: 'c1', expected: 'a', source: 'b' });
  expect(asked).toEqual(['c1']);
  expect(kernel.last('replaced')).toMatchObject({ target: 'r', done: true });
});
