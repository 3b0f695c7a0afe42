/** The question that is being written, and what it brings along. */

import { type ISignal, Signal } from '@lumino/signaling';
import { attachedText, checkWhole, MOST_PASTED, NotSent } from './attach';
import type { Cells } from './cells';
import { said } from './kernel';
import {
  attachedCells,
  type IMentionable,
  lookedUp,
  mentionableCells,
  mentionedIn,
  namesIn,
  withoutMention
} from './mentions';
import type { ChatModel } from './model';
import type { IAttachment, ICarried } from './protocol';
import type { ITurn } from './turns';

export class Draft {
  constructor(
    private readonly model: ChatModel,
    private readonly cells: Cells
  ) {}

  get text(): string {
    return this._text;
  }

  /** Where the cursor is in the text. */
  get caret(): number {
    return this._caret;
  }

  get attachments(): readonly IAttachment[] {
    return this._attachments;
  }

  /** Why something was not attached or not sent, '' if nothing. */
  get problem(): string {
    return this._problem;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  write(text: string, caret = text.length): void {
    this._text = text;
    this._caret = caret;
    this.refuse('');
  }

  moveTo(caret: number): void {
    if (caret !== this._caret) {
      this._caret = caret;
      this._changed.emit();
    }
  }

  /** Put a text in at the cursor, with spaces around it. */
  insert(text: string): void {
    const before = this._text.slice(0, this._caret).replace(/(\S)$/, '$1 ');
    const after = this._text.slice(this._caret).replace(/^(?!\s)/, ' ');
    this.write(before + text + after, before.length + text.length + 1);
  }

  /** Mentions of these are found in the text from now on. */
  know(found: readonly IMentionable[]): void {
    for (const one of found) {
      if (!this._known.has(one.name)) {
        this._known.set(one.name, one);
      }
    }
  }

  /**
   * Ask the kernel for what the text mentions and is not known, as after a paste; undefined if there
   * is nothing to ask for.
   */
  lookUp(): Promise<unknown> | undefined {
    const known = this._everything();
    const unknown = namesIn(this._text).filter(
      name => !this._lookedUp.has(name) && mentionedIn(`@${name}`, known).length === 0
    );
    if (unknown.length === 0 || this.model.link.state !== 'ready') {
      return undefined;
    }
    return Promise.all(unknown.map(name => this._lookUp(name)));
  }

  /** Of several things of one name, the text mentions this. */
  choose(mention: IMentionable): void {
    this._known.set(mention.name, mention);
  }

  /** What the text mentions. */
  mentions(): IMentionable[] {
    return this._text.includes('@') ? mentionedIn(this._text, this._everything()) : [];
  }

  unmention(mention: IMentionable): void {
    this.write(withoutMention(this._text, mention, this._everything()));
  }

  /** Bring a text along; what cannot be is said as `problem`. */
  async attach(coming: IAttachment | Promise<IAttachment>): Promise<void> {
    await this.attempt(async () => {
      const attachment = await coming;
      const attachments = [...this._attachments, attachment];
      checkWhole(this._text, { ...this.carried(), attachments });
      this._attachments = attachments;
    });
  }

  /** Attach a pasted text that is too long to be typed; false if it is not. */
  paste(text: string): boolean {
    if (text.length <= MOST_PASTED) {
      return false;
    }
    const size = Math.ceil(text.length / 1000);
    void this.attach(Promise.resolve().then(() => attachedText(`pasted text, ${size} kB`, text)));
    return true;
  }

  detach(attachment: IAttachment): void {
    this._attachments = this._attachments.filter(one => one !== attachment);
    this.refuse('');
  }

  /** All that the question would bring along now. */
  carried(): ICarried {
    const mentions = this.mentions();
    return {
      without: this.model.without,
      attachments: [...attachedCells(mentions, this.cells.all()), ...this._attachments],
      mentions: lookedUp(mentions)
    };
  }

  /** Begin another one. */
  clear(): void {
    this._attachments = [];
    this._lookedUp.clear();
    this.write('');
  }

  /** Write the last question again, if nothing is written; whether it was. */
  recall(): boolean {
    const last = [...this.model.turns].reverse().find(({ fix, question }) => !fix && question);
    if (this._text || last === undefined) {
      return false;
    }
    this.write(last.question);
    return true;
  }

  /** Write on with a question that still waits. */
  takeBack(turn: ITurn): void {
    if (this.model.takeBack(turn) && !turn.fix) {
      const mentioned = (label: string) => label.startsWith('@'); // they stand in the text
      const kept = turn.carried.attachments.filter(({ label }) => !mentioned(label));
      this._attachments = [...this._attachments, ...kept];
      this.write([this._text, turn.question].filter(Boolean).join('\n'));
    }
  }

  /** Do something that NotSent may refuse; the reason is said as `problem`, and so is any other error. */
  async attempt(change: () => Promise<void> | void): Promise<void> {
    try {
      await change();
      this.refuse('');
    } catch (error) {
      this.refuse(said(error));
      if (!(error instanceof NotSent)) {
        throw error; // the console tells where
      }
    }
  }

  /** Say why something is not done; '' takes it away. */
  refuse(problem: string): void {
    this._problem = problem;
    this._changed.emit();
  }

  private async _lookUp(text: string): Promise<void> {
    this._lookedUp.add(text);
    try {
      this.know((await this.model.link.fetch('complete', { text }, 'completions')).items);
      this._changed.emit();
    } catch {
      this._lookedUp.delete(text); // there is no connection any more
    }
  }

  private _everything(): IMentionable[] {
    return [...this._known.values(), ...mentionableCells(this.cells.all())];
  }

  private _text = '';
  private _caret = 0;
  private _attachments: readonly IAttachment[] = [];
  private _problem = '';
  private readonly _known = new Map<string, IMentionable>();
  private readonly _lookedUp = new Set<string>();
  private readonly _changed = new Signal<this, void>(this);
}
