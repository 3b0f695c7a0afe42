/** The popup of the composer that completes `/` commands and `@` mentions. */

import * as React from 'react';
import type { Cells } from '../cells';
import type { Draft } from '../draft';
import { type IMentionable, matchingCells, typedMention } from '../mentions';
import type { ChatModel } from '../model';
import { matchingCommands } from '../slash';

const PAUSE_MS = 120; // after a key, before the kernel is asked

export interface IChoice {
  label: string;
  detail: string;
  accept: () => void;
}

export interface ICompletions {
  /** Empty while there is no popup. */
  choices: readonly IChoice[];
  /** The index of the choice that Enter accepts. */
  active: number;
  move: (by: number) => void;
  close: () => void;
}

/** What can be completed at the cursor of the draft. */
export function useCompletions(model: ChatModel, draft: Draft, cells: Cells): ICompletions {
  const [active, setActive] = React.useState(0);
  const [closed, setClosed] = React.useState(''); // what was being typed when it was closed
  const mention = typedMention(draft.text, draft.caret);
  const found = useMentionables(model, draft, mention?.typed);
  const typed = draft.text.slice(mention?.at ?? 0, draft.caret);
  const all = mention
    ? mentionChoices(draft, mention.at, [...found, ...matchingCells(cells.all(), mention.typed)])
    : commandChoices(draft);
  const isWhole = all.length === 1 && typed.slice(1) === all[0].label.slice(1);
  const isClosed = closed !== '' && typed.startsWith(closed);
  const choices = isWhole || isClosed ? [] : all;
  React.useEffect(() => setActive(0), [typed]);
  React.useEffect(() => {
    if (!typed.startsWith(closed)) {
      setClosed('');
    }
  }, [typed, closed]);
  const last = choices.length - 1;
  return {
    choices,
    active: Math.min(active, last),
    move: by => setActive((Math.min(active, last) + by + choices.length) % choices.length),
    close: () => setClosed(typed)
  };
}

/** The choices, of which one is active; the text area that they complete has the focus. */
export function Completions(props: { id: string; completions: ICompletions }): JSX.Element {
  const { choices, active } = props.completions;
  const list = React.useRef<HTMLUListElement>(null);
  React.useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' });
  }, [active]);
  return (
    <ul className="jp-CodeAssist-completions" id={props.id} ref={list} role="listbox" aria-label="Completions">
      {choices.map(({ label, detail, accept }, index) => (
        <li
          key={`${label} ${detail}`}
          id={`${props.id}-${index}`}
          role="option"
          aria-selected={index === active}
          onMouseDown={event => event.preventDefault() /* the text area keeps the focus */}
          onClick={accept}
        >
          <span>{label}</span> <span className="jp-CodeAssist-detail">{detail}</span>
        </li>
      ))}
    </ul>
  );
}

/** What the kernel finds for a mention that is being typed: the answer to what was typed last. */
function useMentionables(
  model: ChatModel,
  draft: Draft,
  typed: string | undefined
): readonly IMentionable[] {
  const [found, setFound] = React.useState<readonly IMentionable[]>([]);
  const ready = model.link.state === 'ready';
  React.useEffect(() => {
    if (typed === undefined || !ready) {
      setFound([]);
      return undefined;
    }
    let isLatest = true;
    const timer = setTimeout(() => {
      const asked = model.link.fetch('complete', { text: typed }, 'completions');
      asked.then(
        ({ items }) => {
          if (isLatest) {
            draft.know(items);
            setFound(items);
          }
        },
        () => isLatest && setFound([]) // cells can still be mentioned
      );
    }, PAUSE_MS);
    return () => {
      isLatest = false;
      clearTimeout(timer);
    };
  }, [model, draft, typed, ready]);
  const wanted = typed?.toLowerCase() ?? '';
  return found.filter(({ name }) => name.toLowerCase().includes(wanted)); // the rest is of before
}

function mentionChoices(draft: Draft, at: number, found: readonly IMentionable[]): IChoice[] {
  return found.map(mention => ({
    label: `@${mention.name}`,
    detail: mention.kind === 'cell' ? mention.detail : `${mention.kind} · ${mention.detail}`,
    accept: () => {
      draft.choose(mention);
      put(draft, at, `@${mention.name}`);
    }
  }));
}

function commandChoices(draft: Draft): IChoice[] {
  return matchingCommands(draft.text.slice(0, draft.caret)).map(({ name, words, about }) => ({
    label: `/${name}`,
    detail: words ? `${words} · ${about}` : about,
    accept: () => put(draft, 0, `/${name}`)
  }));
}

/** Write something in place of what is being typed from `at` on. */
function put(draft: Draft, at: number, text: string): void {
  const before = `${draft.text.slice(0, at)}${text} `;
  draft.write(before + draft.text.slice(draft.caret).replace(/^ /, ''), before.length);
}
