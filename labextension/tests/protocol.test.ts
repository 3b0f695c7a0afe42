/** The messages, held to the same samples as the Python side. */

import events from '../../tests/data/protocol/events.json';
import requests from '../../tests/data/protocol/requests.json';
import { type IRequests, parseEvent, request } from '../src/protocol';

test.each(events.map(event => [event.ev, event] as const))('the event %s is read', (_, event) => {
  expect(parseEvent(event as never)).toEqual(event);
});

test.each(events.map(event => [event.ev, event] as const))('%s is checked', (ev, event) => {
  expect(parseEvent({ ...event, v: 2 } as never)).toBeUndefined();
  expect(parseEvent({ ...event, ev: 'toString' } as never)).toBeUndefined();
  const { v, id, seq } = event;
  const bare = parseEvent({ v, id, seq, ev } as never);
  expect(bare === undefined).toBe(ev !== 'ok');
});

test.each(requests.map(sample => [sample.op, sample] as const))('the request %s', (op, sample) => {
  const { v, id, op: _, ...fields } = sample;
  expect(request(id, op as keyof IRequests, fields as never)).toEqual(sample);
  expect(v).toBe(1);
});
