import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';
import type { ICodeActions } from './code';
import { Composer, type IComposerProps } from './composer';
import { Connection, type IConnectionProps, type IMovable } from './connection';
import { Context, useFound } from './context';
import { Header, type Pane } from './header';
import { History } from './history';
import { TurnList } from './list';
import { Settings } from './settings';
import { Spoken } from './spoken';
import { useSignal } from './use_signal';

export interface IChatProps extends IConnectionProps, IComposerProps {
  view: IMovable;
  rendermime: IRenderMimeRegistry;
  actions: ICodeActions;
}

/** The whole panel. */
export function Chat(props: IChatProps): JSX.Element {
  const { model, draft, view, rendermime, actions, openPlace } = props;
  useSignal(model.changed);
  const [shown, show] = React.useState<Pane>();
  const header = React.useRef<HTMLElement>(null);
  const pane = model.link.state === 'ready' ? shown : undefined;
  const isCovered = pane === 'history' || pane === 'settings'; // the chat keeps its place below
  const carried = () => ({ question: draft.text, ...draft.carried() });
  const found = useFound(model, carried, pane === 'context');
  const close = () => {
    header.current?.querySelector<HTMLElement>('[aria-expanded="true"]')?.focus();
    show(undefined);
  };
  return (
    <>
      <header className="jp-CodeAssist-header" ref={header}>
        <Header model={model} view={view} found={found} pane={pane} show={show} />
        {pane === 'context' && <Context model={model} found={found} />}
        <Connection {...props} />
        {model.problem && (
          <p className="jp-CodeAssist-error" role="alert">
            {model.problem}
          </p>
        )}
      </header>
      <div className={`jp-CodeAssist-body${isCovered ? ' jp-mod-covered' : ''}`}>
        <TurnList
          key={model.conversation}
          model={model}
          actions={actions}
          openPlace={openPlace}
          rendermime={rendermime}
        />
        {pane === 'history' && <History model={model} close={close} />}
        {pane === 'settings' && <Settings model={model} />}
      </div>
      <Spoken turns={model.turns} />
      <Composer {...props} />
    </>
  );
}
