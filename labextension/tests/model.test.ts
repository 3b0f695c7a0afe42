/** The chat and its connection, against a kernel that speaks the protocol. */

import type { JSONObject } from '@lumino/coreutils';
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

test('two notebooks with one kernel show its chat', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  model.ask('why?');
  const { id } = kernel.last('ask');
  model.moveTo('b.ipynb', false);
  expect(model.turns).toEqual([]);
  kernel.answer('open', 'opened', { ...NOTHING, running: id });
  await settled();
  expect(kernel.last('resume')).toMatchObject({ target: id, from_seq: 0 });
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
  expect(model.problem).toBe('No host. Start it.');
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

test('a question that is edited takes the place of it and of all that came after', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  kernel.answer('open', 'opened', { ...NOTHING, conversation: 'c', exchanges: kept(1, 3) });
  await settled();
  const answered = model.turns[1];
  model.rewrite(answered, 'other?');
  expect(kernel.last('ask')).toMatchObject({ question: 'other?', rewrite: 2 });
  expect(model.turns.map(turn => turn.question)).toEqual(['question 1', 'other?']);
  model.rewrite(model.turns[0], 'again?'); // not while another is being answered
  expect(model.turns).toHaveLength(2);
});

test('a question without an answer is edited too; the next that was kept is taken back', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  model.ask('first');
  kernel.answer('ask', 'error', { code: 'HostError', message: 'no', hint: 'h' }, 0);
  model.ask('second');
  kernel.answer('ask', 'done', DONE, 0);
  model.rewrite(model.turns[0], 'better');
  expect(kernel.last('ask')).toMatchObject({ question: 'better', rewrite: 1 });
});

test('older turns are asked for one page at a time, up to the first', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  const page = { ...NOTHING, conversation: 'c', exchanges: kept(5, 6), older: true };
  kernel.answer('open', 'opened', page);
  await settled();
  const [first] = model.turns;
  void model.showOlder();
  void model.showOlder();
  expect(kernel.asked.filter(({ op }) => op === 'earlier')).toHaveLength(1);
  expect(kernel.last('earlier')).toMatchObject({ conversation: 'c', before: 5 });
  kernel.answer('earlier', 'earlier', { exchanges: kept(1, 4), older: false });
  await settled();
  expect(model.turns.map(turn => turn.number)).toEqual([1, 2, 3, 4, 5, 6]);
  expect(model.turns[4]).toBe(first);
  expect(model.older).toBe(false);
});

test('older turns of a conversation that is left are not shown', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  const page = { ...NOTHING, conversation: 'c', exchanges: kept(5, 6), older: true };
  kernel.answer('open', 'opened', page);
  await settled();
  void model.showOlder();
  void model.begin();
  kernel.answer('new', 'ok');
  await settled();
  kernel.answer('earlier', 'earlier', { exchanges: kept(1, 4), older: false });
  await settled();
  expect(model.turns).toEqual([]);
});

test('what is asked while a chat begins belongs to it, and is asked once it has begun', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  kernel.answer('open', 'opened', { ...NOTHING, conversation: 'c', exchanges: kept(1, 2) });
  await settled();
  void model.begin();
  model.ask('new?');
  expect(kernel.last('ask')).toEqual({});
  kernel.answer('new', 'ok');
  await settled();
  expect(kernel.last('ask')).toMatchObject({ question: 'new?' });
  expect(model.turns.map(turn => turn.question)).toEqual(['new?']);
});

test('a part that is switched off stays so in the next chats', async () => {
  const model = await chat(new KernelDouble());
  model.carry('variables', false);
  model.carry('chat', false);
  model.carry('chat', true);
  model.moveTo('b.ipynb', false);
  expect(model.without).toEqual(['variables']);
});

test('an answer that is rated is another state of its turn; the others stay as they are', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  kernel.answer('open', 'opened', { ...NOTHING, conversation: 'c', exchanges: kept(1, 2) });
  await settled();
  const [first, second] = model.turns;
  void model.rate(second, 1);
  kernel.answer('feedback', 'ok');
  await settled();
  expect(model.turns[0]).toBe(first);
  expect(model.turns[1]).toEqual({ ...second, feedback: 1 });
});

test('a question that waits can be taken back, one that is answered can not', async () => {
  const kernel = new KernelDouble();
  const model = await chat(kernel);
  model.ask('one');
  model.ask('two');
  const [one, two] = model.turns;
  expect([model.takeBack(one), model.takeBack(two)]).toEqual([false, true]);
  expect(model.turns).toEqual([one]);
});

/** Exchanges as they are kept, of these numbers. */
function kept(first: number, last: number): JSONObject[] {
  return Array.from({ length: last - first + 1 }, (_, index) => ({
    number: first + index,
    question: `question ${first + index}`,
    answer: 'yes',
    stopped: 'stop',
    feedback: 0,
    sources: []
  }));
}
