import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';
import type { ChatModel } from '../model';
import type { IAttachment, ISource } from '../protocol';
import type { ICodeActions } from './code';
import { Composer } from './composer';
import { Connection, type IConnectionProps, type IMovable, MoveButton } from './connection';
import { History } from './history';
import { Turn } from './turn';

export interface IChatProps extends IConnectionProps {
  view: IMovable;
  rendermime: IRenderMimeRegistry;
  actions: ICodeActions;
  openSource: (source: ISource) => void;
  selectedCell: () => IAttachment | undefined;
}

/** The whole panel. */
export function Chat(props: IChatProps): JSX.Element {
  const { model, rendermime, actions, openSource } = props;
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  const [showHistory, setShowHistory] = React.useState(false);
  React.useEffect(() => {
    model.changed.connect(draw);
    return () => {
      model.changed.disconnect(draw);
    };
  }, [model]);
  const ready = model.link.state === 'ready';

  return (
    <>
      <header className="jp-CodeAssist-header">
        <div className="jp-CodeAssist-actions">
          <button disabled={!ready} onClick={() => void model.begin()}>
            New chat
          </button>
          <button
            disabled={!ready}
            aria-expanded={showHistory}
            onClick={() => setShowHistory(!showHistory)}
          >
            History
          </button>
          <MoveButton view={props.view} />
          <span className="jp-CodeAssist-gap" />
          <ModelName model={model} />
        </div>
        <Connection {...props} />
        {model.problem && (
          <p className="jp-CodeAssist-error" role="alert">
            {model.problem}
          </p>
        )}
      </header>
      {showHistory && ready ? (
        <History model={model} close={() => setShowHistory(false)} />
      ) : (
        <Turns>
          {model.older && <p className="jp-CodeAssist-note">Earlier turns are not shown.</p>}
          {model.turns.map(turn => (
            <Turn
              key={turn.key}
              turn={turn}
              model={model}
              actions={actions}
              openSource={openSource}
              rendermime={rendermime}
            />
          ))}
        </Turns>
      )}
      <Spoken model={model} />
      <Composer model={model} selectedCell={props.selectedCell} />
    </>
  );
}

function ModelName({ model }: { model: ChatModel }): JSX.Element {
  const { hello, state } = model.link;
  const word = model.isRunning ? 'answering' : hello ? 'ready' : state === 'none' ? '' : 'offline';
  return (
    <span className="jp-CodeAssist-model">
      {hello?.model} {word && `· ${word}`}
    </span>
  );
}

/** The list of turns; it follows the answer as long as the user has not scrolled up. */
function Turns({ children }: { children: React.ReactNode }): JSX.Element {
  const list = React.useRef<HTMLDivElement>(null);
  const follows = React.useRef(true);
  React.useEffect(() => {
    const node = list.current;
    if (node === null) {
      return undefined;
    }
    const observer = new MutationObserver(() => {
      if (follows.current) {
        node.scrollTop = node.scrollHeight;
      }
    });
    observer.observe(node, { childList: true, subtree: true, characterData: true });
    return () => observer.disconnect();
  }, []);
  const onScroll = () => {
    const node = list.current;
    follows.current = !!node && node.scrollHeight - node.scrollTop - node.clientHeight < 40;
  };
  return (
    <div className="jp-CodeAssist-turns" ref={list} onScroll={onScroll} tabIndex={0} role="log" aria-live="off" aria-label="Chat">
      {children}
    </div>
  );
}

/** Tells a screen reader when an answer begins and when it is whole. */
function Spoken({ model }: { model: ChatModel }): JSX.Element {
  const last = model.turns[model.turns.length - 1];
  const words = { queued: '', running: 'Answering', done: 'Answer complete', failed: 'No answer' };
  return (
    <div className="jp-CodeAssist-spoken" aria-live="polite">
      {last ? words[last.state] : ''}
    </div>
  );
}
