/** The chat as the panel shows it: its turns, what is being answered, and the connection. */

import { type ISignal, Signal } from '@lumino/signaling';
import { type KernelLink, Refused, said } from './kernel';
import type { Event, ICarried, IEvents, PartName } from './protocol';
import { failed, fixTurn, type ITurn, newTurn, NOTHING, oldTurn, take } from './turns';

const GONE = 'The kernel went away while it answered. Retry asks again.';

export class ChatModel {
  constructor(readonly link: KernelLink) {
    link.received.connect(this._onEvent, this);
    link.stateChanged.connect(this._onState, this);
  }

  get turns(): readonly ITurn[] {
    return this._turns;
  }

  get title(): string {
    return this._title;
  }

  /** The conversation that is shown; '' for one that begins. */
  get conversation(): string {
    return this._conversation;
  }

  /** Whether the conversation is longer than what is shown of it. */
  get older(): boolean {
    return this._older;
  }

  /** What went wrong outside an answer; '' if nothing. */
  get problem(): string {
    return this._problem;
  }

  /** The parts that the user has switched off; questions are to be asked without them. */
  get without(): PartName[] {
    return [...this._without];
  }

  get isRunning(): boolean {
    return this._turns.some(turn => turn.state === 'running' || turn.state === 'queued');
  }

  /** Something that is shown has changed. */
  get changed(): ISignal<this, void> {
    return this._changed;
  }

  /** A cell is to be replaced, as the user told `%assist`; answer with `replaced`. */
  get replaceAsked(): ISignal<this, { id: string } & IEvents['replace_cell']> {
    return this._replaceAsked;
  }

  /**
   * Show the chat of another place, a name for a notebook, from now on. What waits for its kernel
   * comes along, or waits in the place that was left until that is shown again.
   */
  moveTo(place: string, along: boolean): void {
    if (place === this._place) {
      return;
    }
    const waiting = this._turns.filter(turn => turn.state === 'queued');
    this._waiting.set(this._place, along ? [] : waiting);
    this._place = place;
    this._clear();
    this._turns = [...(this._waiting.get(place) ?? []), ...(along ? waiting : [])];
    if (this.link.state === 'ready') {
      void this.open(''); // both have one kernel
    }
    this._changed.emit();
  }

  /** Let the next questions carry a part, or not. */
  carry(part: PartName, on: boolean): void {
    this._without[on ? 'delete' : 'add'](part);
    this._changed.emit();
  }

  /** Ask; while there is no kernel that can answer, the question waits for it. */
  ask(question: string, carried: ICarried = NOTHING): void {
    this._add(newTurn(question, carried));
  }

  /** Mend the failed cell of that id, '' for the latest; `expect` are conditions to hold after it. */
  fix(cell = '', expect: string[] = []): void {
    this._add(fixTurn(cell, expect));
  }

  /** Ask the question of a turn again, in a turn of its own. */
  retry(turn: ITurn): void {
    this._add(turn.fix ? fixTurn(turn.fix.cell, turn.fix.expect) : newTurn(turn.question, turn.carried));
  }

  /** Take the chat back to before a turn and ask another question in its place. */
  rewrite(turn: ITurn, question: string): void {
    const at = this._turns.findIndex(({ key }) => key === turn.key);
    if (at >= 0 && !this.isRunning) {
      // A turn that failed has no number; the first that has one from there on counts.
      const rewrite = this._turns.slice(at).find(({ number }) => number > 0)?.number ?? 0;
      this._turns = this._turns.slice(0, at);
      this._add({ ...newTurn(question, turn.carried), rewrite });
    }
  }

  /** Take back a turn that still waits; whether it did. */
  takeBack(turn: ITurn): boolean {
    const before = this._turns;
    this._turns = before.filter(({ key, state }) => key !== turn.key || state !== 'queued');
    this._changed.emit();
    return this._turns.length < before.length;
  }

  /** Stop what is being answered and take back what waits. */
  stop(): void {
    this._turns = this._turns.filter(turn => turn.state !== 'queued');
    for (const turn of this._turns.filter(turn => turn.state === 'running')) {
      this._change(turn, { status: 'stopping …' });
      void this._quietly(this.link.call('cancel', { target: turn.id }));
    }
    this._changed.emit();
  }

  /** Go on with a conversation; '' is the one that the notebook is in. */
  async open(conversation: string): Promise<void> {
    const call = this.link.call('open', { conversation });
    const opened = await (conversation ? this._leaving(call) : this._quietly(call));
    if (opened?.ev !== 'opened') {
      this._askNext();
      return;
    }
    // What was asked while this was looked up, stays, and what this conversation does not know of.
    const asked = this._turns.filter(
      ({ state }) => state === 'queued' || state === 'running' || (state === 'failed' && !conversation)
    );
    this._turns = [...opened.exchanges.map(kept => oldTurn(kept, opened.conversation)), ...asked];
    this._title = opened.title;
    this._conversation = opened.conversation;
    this._older = opened.older;
    if (opened.running !== '' && !asked.some(turn => turn.id === opened.running)) {
      this._turns = [...this._turns, { ...newTurn(''), id: opened.running, state: 'running' }];
      this.link.send('resume', { target: opened.running, from_seq: 0 });
    }
    this._askNext();
    this._changed.emit();
  }

  /** Show more of the conversation's beginning; once at a time. */
  async showOlder(): Promise<void> {
    const conversation = this._conversation;
    const before = this._turns[0]?.number;
    if (!this._older || this._fetching || !before) {
      return;
    }
    this._fetching = true;
    const event = await this._quietly(this.link.call('earlier', { conversation, before }));
    this._fetching = false;
    const isSame = this._conversation === conversation && this._turns[0]?.number === before;
    if (event?.ev === 'earlier' && isSame) {
      this._turns = [...event.exchanges.map(kept => oldTurn(kept, conversation)), ...this._turns];
      this._older = event.older;
      this._changed.emit();
    }
  }

  /** Begin another conversation; what is asked from now on belongs to it. */
  async begin(): Promise<void> {
    const before = new Set(this._turns.map(({ key }) => key));
    if ((await this._leaving(this.link.call('new', {}))) !== undefined) {
      const asked = this._turns.filter(({ key }) => !before.has(key));
      this._clear();
      this._turns = asked;
    }
    this._askNext();
    this._changed.emit();
  }

  async rename(conversation: string, title: string): Promise<void> {
    await this._quietly(this.link.call('rename', { conversation, title }));
  }

  async bookmark(conversation: string, on: boolean): Promise<void> {
    await this._quietly(this.link.call('bookmark', { conversation, on }));
  }

  async delete(conversation: string): Promise<void> {
    await this._quietly(this.link.call('delete', { conversation }));
    await this.open('');
  }

  /** Say that an answer was good (1), bad (-1) or neither (0); it stays on this machine. */
  async rate(turn: ITurn, value: number): Promise<void> {
    const { conversation, number } = turn;
    if (await this._quietly(this.link.call('feedback', { conversation, number, value }))) {
      this._change(turn, { feedback: value });
      this._changed.emit();
    }
  }

  /** Tell the kernel whether the cell was replaced. */
  replaced(target: string, done: boolean): void {
    this.link.send('replaced', { target, done });
  }

  /** Tell the kernel of a cell's present text; false while there is no connection. */
  edited(cell: string, source: string): boolean {
    if (this.link.state !== 'ready') {
      return false;
    }
    void this._quietly(this.link.call('edited', { cell, source }));
    return true;
  }

  /** Show a problem to the user; '' takes it away. */
  report(problem: string): void {
    this._problem = problem;
    this._changed.emit();
  }

  dispose(): void {
    Signal.clearData(this);
  }

  private _add(turn: ITurn): void {
    this._problem = '';
    this._turns = [...this._turns, turn];
    this._askNext();
    this._changed.emit();
  }

  private _askNext(): void {
    const next = this._turns.find(turn => turn.state === 'queued');
    const busy = this._turns.some(turn => turn.state === 'running');
    if (next === undefined || busy || this._left > 0 || this.link.state !== 'ready') {
      return;
    }
    const { question, carried, rewrite } = next;
    const id = next.fix
      ? this.link.send('fix', next.fix)
      : this.link.send('ask', { question, rewrite, ...carried });
    this._change(next, { id, state: 'running', status: 'thinking …' });
  }

  private _onState(): void {
    const { state } = this.link;
    if (state === 'ready') {
      const running = this._turns.find(turn => turn.state === 'running');
      if (running === undefined) {
        void this.open('');
      } else {
        this.link.send('resume', { target: running.id, from_seq: running.seq });
      }
    } else {
      for (const turn of this._turns.filter(turn => turn.state === 'running')) {
        this._change(turn, failed(GONE));
      }
    }
    this._changed.emit();
  }

  private _onEvent(_: KernelLink, event: Event): void {
    if (event.ev === 'replace_cell') {
      this._replaceAsked.emit(event);
      return;
    }
    let turn = this._turns.find(turn => turn.id === event.id);
    if (turn === undefined && event.ev === 'start') {
      turn = { ...newTurn(event.question), id: event.id, state: 'running' }; // another window asked
      this._turns = [...this._turns, turn];
    }
    if (turn === undefined || event.seq < turn.seq) {
      return;
    }
    if (event.seq > turn.seq) {
      this.link.send('resume', { target: turn.id, from_seq: turn.seq });
      return;
    }
    this._change(turn, { ...take(turn, event), seq: turn.seq + 1 });
    if (event.ev === 'done' || event.ev === 'error') {
      this._askNext();
    }
    this._changed.emit();
  }

  private _change(turn: ITurn, fields: Partial<ITurn>): void {
    this._turns = this._turns.map(one => (one.key === turn.key ? { ...one, ...fields } : one));
  }

  private _clear(): void {
    this._turns = [];
    this._title = '';
    this._conversation = '';
    this._older = false;
    this._problem = '';
    this._changed.emit();
  }

  /** Wait as `_quietly` does until another conversation is gone to; nothing is asked meanwhile. */
  private async _leaving(answer: Promise<Event>): Promise<Event | undefined> {
    this._left++;
    try {
      return await this._quietly(answer);
    } finally {
      this._left--;
    }
  }

  /** Wait for an answer; what the kernel refuses is shown, a lost connection is shown anyway. */
  private async _quietly(answer: Promise<Event>): Promise<Event | undefined> {
    try {
      return await answer;
    } catch (error) {
      if (error instanceof Refused) {
        this.report(said(error));
      }
      return undefined;
    }
  }

  private _place = '';
  private readonly _waiting = new Map<string, ITurn[]>(); // by the place that was left
  private readonly _without = new Set<PartName>();
  private _turns: ITurn[] = [];
  private _title = '';
  private _conversation = '';
  private _older = false;
  private _fetching = false;
  private _left = 0; // conversations that are being left
  private _problem = '';
  private readonly _changed = new Signal<this, void>(this);
  private readonly _replaceAsked = new Signal<this, { id: string } & IEvents['replace_cell']>(this);
}
