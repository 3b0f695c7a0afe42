/**
 * Messages between the panel and a kernel: comm target `codeassist.v1`, both ways JSON.
 *
 * The mirror of `codeassist_jupyter/protocol.py`; the samples in `tests/data/protocol` hold the two
 * together.
 */

import type { JSONObject, JSONValue } from '@lumino/coreutils';

export const TARGET = 'codeassist.v1';
export const VERSION = 1;

export interface IAttachment {
  label: string;
  text: string;
}

/** A source that an answer cites; `path` is relative to the notebook's folder, '' if none is there. */
export interface ISource {
  id: number;
  label: string;
  verdict: string;
  path: string;
  line: number | null;
  cell: number | null;
}

export interface IPart {
  name: string;
  tokens: number;
  detail: string;
}

/** A part of a question that can be left out. */
export type PartName = 'cells' | 'variables' | 'sources' | 'chat';

/** Something that the kernel looks up by its name and adds to a question. */
export interface IMention {
  kind: 'variable' | 'file' | 'symbol' | 'notebook';
  name: string;
}

/** What a question brings along beside its text. */
export interface ICarried {
  without: PartName[];
  attachments: IAttachment[];
  mentions: IMention[];
}

/**
 * A conversation that is kept; `updated` in seconds since 1970, `found` a piece of the text that a
 * search has found in it.
 */
export interface IConversation {
  id: string;
  title: string;
  updated: number;
  turns: number;
  bookmarked: boolean;
  found: string;
}

/** A question with its answer as they are kept; the answer is safe to render as Markdown. */
export interface IExchange {
  number: number;
  question: string;
  answer: string;
  stopped: string;
  feedback: number;
  sources: ISource[];
}

/** A place of the project that a search has found; `path` as in ISource. */
export interface IHit {
  label: string;
  path: string;
  line: number | null;
  cell: number | null;
  name: string;
  snippet: string;
}

export interface IVariable {
  name: string;
  text: string;
}

/** What an @ can be completed to. */
export interface ICompletion extends IMention {
  detail: string;
}

/** A question worth asking now; `text` goes into the composer. */
export interface ISuggestion {
  label: string;
  text: string;
}

/** A setting; `origin` says where its value comes from, '' for the default. */
export interface ISetting {
  name: string;
  value: string;
  origin: string;
  choices: string[];
  about: string;
}

/** What the panel asks for, by `op`. */
export interface IRequests {
  hello: { version: string };
  /** `rewrite` is the number of the exchange from which on the chat is taken back, 0 for none. */
  ask: { question: string; rewrite: number } & ICarried;
  context: { question: string } & ICarried;
  /** Mend the failed cell of that id, '' for the latest. */
  fix: { cell: string; expect: string[] };
  /** Write the latest proposal for a project file. */
  apply: Record<never, never>;
  cancel: { target: string };
  resume: { target: string; from_seq: number };
  conversations: { words: string };
  open: { conversation: string };
  earlier: { conversation: string; before: number };
  new: Record<never, never>;
  rename: { conversation: string; title: string };
  bookmark: { conversation: string; on: boolean };
  delete: { conversation: string };
  export: { conversation: string };
  feedback: { conversation: string; number: number; value: number };
  search: { query: string };
  variables: Record<never, never>;
  complete: { text: string };
  suggest: Record<never, never>;
  model: Record<never, never>;
  settings: Record<never, never>;
  set: { name: string; value: string };
  replaced: { target: string; done: boolean };
  edited: { cell: string; source: string };
}

/** What the kernel answers, by `ev`. */
export interface IEvents {
  hello: { version: string; model: string; engine: string; sent_to: string; busy: boolean };
  start: { question: string };
  status: { text: string };
  /** The answer from position `at` on is `text`; safe to render as Markdown. */
  text: { at: number; text: string };
  /** `source` may take the place of `expected`, in the cell, or in the file at `path`. */
  proposal: {
    cell: string;
    path: string;
    expected: string;
    source: string;
    status: string;
    verdict: string;
    flags: string[];
  };
  done: {
    stopped: string;
    footer: string;
    sources: ISource[];
    conversation: string;
    number: number;
  };
  error: { code: string; message: string; hint: string };
  context: { parts: IPart[]; left_out: string[] };
  conversations: { conversations: IConversation[]; current: string };
  opened: {
    conversation: string;
    title: string;
    exchanges: IExchange[];
    older: boolean;
    running: string;
  };
  earlier: { exchanges: IExchange[]; older: boolean };
  told: { text: string };
  found: { hits: IHit[]; confident: boolean; complete: boolean };
  variables: { variables: IVariable[] };
  completions: { items: ICompletion[] };
  suggestions: { prompts: ISuggestion[] };
  /** `state` is loading, ready, busy, missing or stopped. */
  model: { model: string; state: string };
  settings: { values: ISetting[] };
  ok: Record<never, never>;
  replace_cell: { cell: string; expected: string; source: string };
}

export type Event = {
  [ev in keyof IEvents]: { v: number; id: string; seq: number; ev: ev } & IEvents[ev];
}[keyof IEvents];

type Kind = 'string' | 'number' | 'boolean' | 'array';

const EVENTS: { [ev in keyof IEvents]: { [field in keyof IEvents[ev]]: Kind } } = {
  hello: { version: 'string', model: 'string', engine: 'string', sent_to: 'string', busy: 'boolean' },
  start: { question: 'string' },
  status: { text: 'string' },
  text: { at: 'number', text: 'string' },
  proposal: {
    cell: 'string',
    path: 'string',
    expected: 'string',
    source: 'string',
    status: 'string',
    verdict: 'string',
    flags: 'array'
  },
  done: {
    stopped: 'string',
    footer: 'string',
    sources: 'array',
    conversation: 'string',
    number: 'number'
  },
  error: { code: 'string', message: 'string', hint: 'string' },
  context: { parts: 'array', left_out: 'array' },
  conversations: { conversations: 'array', current: 'string' },
  opened: {
    conversation: 'string',
    title: 'string',
    exchanges: 'array',
    older: 'boolean',
    running: 'string'
  },
  earlier: { exchanges: 'array', older: 'boolean' },
  told: { text: 'string' },
  found: { hits: 'array', confident: 'boolean', complete: 'boolean' },
  variables: { variables: 'array' },
  completions: { items: 'array' },
  suggestions: { prompts: 'array' },
  model: { model: 'string', state: 'string' },
  settings: { values: 'array' },
  ok: {},
  replace_cell: { cell: 'string', expected: 'string', source: 'string' }
};

/** Check what a kernel sent; undefined where it is nothing that we know. */
export function parseEvent(data: JSONValue): Event | undefined {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    return undefined;
  }
  const { v, id, seq, ev } = data;
  if (v !== VERSION || typeof id !== 'string' || typeof seq !== 'number' || typeof ev !== 'string') {
    return undefined;
  }
  if (!Object.prototype.hasOwnProperty.call(EVENTS, ev)) {
    return undefined;
  }
  const kinds: Record<string, Kind> = EVENTS[ev as keyof IEvents];
  const whole = Object.keys(kinds).every(name => kindOf(data[name]) === kinds[name]);
  return whole ? (data as unknown as Event) : undefined;
}

/** Make a request; `id` must be one that no other request of this kernel has. */
export function request<Op extends keyof IRequests>(
  id: string,
  op: Op,
  fields: IRequests[Op]
): JSONObject {
  return { v: VERSION, id, op, ...fields } as unknown as JSONObject;
}

function kindOf(value: JSONValue | undefined): string {
  return Array.isArray(value) ? 'array' : typeof value;
}
