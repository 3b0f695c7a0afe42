import * as React from 'react';
import type { ChatModel } from '../model';
import type { IEvents } from '../protocol';
import { type IMovable, MoveButton } from './connection';
import { type Found, tokensOf } from './context';

/** What is open beside the chat. */
export type Pane = 'history' | 'settings' | 'context' | undefined;

interface IProps {
  model: ChatModel;
  view: IMovable;
  found: Found;
  pane: Pane;
  show: (pane: Pane) => void;
}

const LOADING_MS = 2000; // until a model that loads is looked at again
// The engine begins to load with the first question, so a model that is not loaded is ready for one.
const WORDS: Record<string, string> = {
  loading: 'loading',
  ready: 'ready',
  busy: 'busy',
  missing: 'missing',
  stopped: 'ready'
};

/** The buttons of the chat, and the model that answers. */
export function Header({ model, view, found, pane, show }: IProps): JSX.Element {
  const ready = model.link.state === 'ready';
  const toggle = (name: Pane, label: string) => (
    <button
      disabled={!ready}
      aria-expanded={pane === name}
      onClick={() => show(pane === name ? undefined : name)}
    >
      {label}
    </button>
  );
  const count = typeof found === 'string' ? '' : ` · ${tokensOf(found.parts)} tokens`;
  return (
    <div className="jp-CodeAssist-actions">
      <button disabled={!ready} onClick={() => void model.begin()}>
        New chat
      </button>
      {toggle('history', 'History')}
      {toggle('settings', 'Settings')}
      {toggle('context', `Context${count}`)}
      <MoveButton view={view} />
      <span className="jp-CodeAssist-gap" />
      <ModelName model={model} />
    </div>
  );
}

function ModelName({ model }: { model: ChatModel }): JSX.Element | null {
  const serving = useServing(model);
  const { hello, state } = model.link;
  if (state === 'none') {
    return null;
  }
  const word = hello ? (WORDS[serving?.state ?? 'ready'] ?? '') : 'offline';
  const name = serving?.model || hello?.model;
  return (
    <span className="jp-CodeAssist-model">{[name, word].filter(Boolean).join(' · ')}</span>
  );
}

/** The model and its state: asked when the kernel is ready and a question begins or ends. */
function useServing(model: ChatModel): IEvents['model'] | undefined {
  const [serving, setServing] = React.useState<IEvents['model']>();
  const ready = model.link.state === 'ready';
  React.useEffect(() => {
    let timer: number | undefined;
    let current = ready;
    const set = (found: IEvents['model'] | undefined) => {
      if (current) {
        setServing(found);
        timer = found?.state === 'loading' ? window.setTimeout(look, LOADING_MS) : undefined;
      }
    };
    const look = () => {
      model.link.fetch('model', {}, 'model').then(set, () => set(undefined));
    };
    if (ready) {
      look();
    }
    return () => {
      current = false;
      window.clearTimeout(timer);
    };
  }, [model, ready, model.isRunning]);
  return serving;
}
