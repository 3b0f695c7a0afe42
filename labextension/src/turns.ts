/** A question and its answer: how it begins, and what the events of its answer make of it. */

import { sentences } from './kernel';
import type { Event, ICarried, IEvents, IExchange, IRequests, ISource } from './protocol';

export type TurnState = 'queued' | 'running' | 'done' | 'failed';

/** Nothing beside what every question carries. */
export const NOTHING: ICarried = { without: [], attachments: [], mentions: [] };

/**
 * A question and its answer, one state of it after another; `key` stays. `answer` is safe to
 * render as Markdown. `fix` makes it a request to mend a cell; `rewrite` is the number of the exchange
 * that it takes the place of, or 0.
 */
export interface ITurn {
  readonly key: number;
  readonly question: string;
  readonly carried: ICarried;
  readonly fix: IRequests['fix'] | undefined;
  readonly rewrite: number;
  readonly id: string;
  readonly seq: number; // of the next event
  readonly state: TurnState;
  readonly answer: string;
  readonly status: string;
  readonly footer: string;
  readonly error: string;
  readonly sources: readonly ISource[];
  readonly proposal: IEvents['proposal'] | undefined;
  readonly conversation: string;
  readonly number: number;
  readonly feedback: number;
}

let turnsMade = 0;

export function newTurn(question: string, carried: ICarried = NOTHING): ITurn {
  return {
    key: turnsMade++,
    question,
    carried,
    fix: undefined,
    rewrite: 0,
    id: '',
    seq: 0,
    state: 'queued',
    answer: '',
    status: '',
    footer: '',
    error: '',
    sources: [],
    proposal: undefined,
    conversation: '',
    number: 0,
    feedback: 0
  };
}

/** A request to mend a failed cell. */
export function fixTurn(cell: string, expect: string[]): ITurn {
  return { ...newTurn('Explain and fix the error.'), fix: { cell, expect } };
}

/** A turn of a conversation that was kept. */
export function oldTurn(kept: IExchange, conversation: string): ITurn {
  return {
    ...newTurn(kept.question),
    state: 'done',
    answer: kept.answer,
    footer: kept.stopped === 'stop' ? '' : kept.stopped,
    sources: kept.sources,
    conversation,
    number: kept.number,
    feedback: kept.feedback
  };
}

/** What an event of its answer changes in a turn. */
export function take(turn: ITurn, event: Event): Partial<ITurn> {
  if (event.ev === 'start' && turn.question === '') {
    return { question: event.question };
  } else if (event.ev === 'status') {
    return { status: event.text };
  } else if (event.ev === 'text') {
    return { answer: turn.answer.slice(0, event.at) + event.text };
  } else if (event.ev === 'proposal') {
    return { proposal: event };
  } else if (event.ev === 'done') {
    const { footer, sources, conversation, number } = event;
    return { footer, sources, conversation, number, status: '', state: 'done' };
  } else if (event.ev === 'error') {
    return failed(sentences(event));
  }
  return {};
}

/** What a failure changes in a turn. */
export function failed(error: string): Partial<ITurn> {
  return { state: 'failed', status: '', error };
}
