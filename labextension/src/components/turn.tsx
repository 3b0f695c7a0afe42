import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { copyIcon, refreshIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import { badIcon, goodIcon } from '../icon';
import type { ChatModel } from '../model';
import type { ISource } from '../protocol';
import type { IPlace } from '../submit';
import type { ITurn } from '../turns';
import { Answer } from './answer';
import type { ICodeActions } from './code';
import { IconButton } from './icon_button';
import { useNear } from './near';
import { Proposal } from './proposal';
import { Question } from './question';

export interface ITurnProps {
  turn: ITurn;
  model: ChatModel;
  actions: ICodeActions;
  openPlace: (place: IPlace) => void;
  rendermime: IRenderMimeRegistry;
  /** Its number in the conversation, from 1, and how many there are. */
  position: number;
  total: number;
}

/** One question with its answer. */
export const Turn = React.memo(function Turn(props: ITurnProps): JSX.Element {
  const { turn, model, actions, openPlace, rendermime, position, total } = props;
  const article = React.useRef<HTMLElement>(null);
  const isNear = useNear(article);
  const over = turn.state === 'done' || turn.state === 'failed';
  return (
    <article
      ref={article}
      className="jp-CodeAssist-turn"
      data-key={turn.key}
      aria-label={turn.question.slice(0, 80)}
      aria-posinset={position}
      aria-setsize={total}
    >
      <Question turn={turn} model={model} isNear={isNear} />
      <Answer
        text={turn.answer}
        over={over}
        isNear={isNear}
        actions={actions}
        rendermime={rendermime}
      />
      {turn.state === 'queued' && <p className="jp-CodeAssist-note">waits for the kernel …</p>}
      {turn.status && <p className="jp-CodeAssist-note">{turn.status}</p>}
      {over && isNear && turn.proposal && <Proposal proposal={turn.proposal} actions={actions} />}
      {turn.error && (
        <p className="jp-CodeAssist-error" role="alert">
          {turn.error}
        </p>
      )}
      {turn.sources.length > 0 && (
        <div className="jp-CodeAssist-sources" role="group" aria-label="Sources">
          {turn.sources.map(source => (
            <Source key={source.id} source={source} open={openPlace} />
          ))}
        </div>
      )}
      {turn.footer && <p className="jp-CodeAssist-note">{turn.footer}</p>}
      {over && isNear && (
        <div className="jp-CodeAssist-actions" role="group" aria-label="Answer">
          <IconButton icon={refreshIcon} label="Retry" act={() => model.retry(turn)} />
          {turn.answer && (
            <IconButton
              icon={copyIcon}
              label="Copy answer"
              act={() => actions.copy(turn.answer)}
            />
          )}
          {turn.number > 0 && (
            <>
              <Rating turn={turn} model={model} value={1} />
              <Rating turn={turn} model={model} value={-1} />
            </>
          )}
        </div>
      )}
    </article>
  );
});

function Source(props: { source: ISource; open: (place: IPlace) => void }): JSX.Element {
  const { source, open } = props;
  const mark = source.verdict === 'verified' ? '' : ` (${source.verdict})`;
  const text = `[${source.id}] ${source.label}${mark}`;
  if (!source.path) {
    return <span className="jp-CodeAssist-chip">{text}</span>;
  }
  return (
    <button className="jp-CodeAssist-chip" title={`Open ${source.path}`} onClick={() => open(source)}>
      {text}
    </button>
  );
}

function Rating(props: { turn: ITurn; model: ChatModel; value: 1 | -1 }): JSX.Element {
  const { turn, model, value } = props;
  const pressed = turn.feedback === value;
  const label = value === 1 ? 'Good answer' : 'Bad answer';
  return (
    <IconButton
      icon={value === 1 ? goodIcon : badIcon}
      label={label}
      hint={`${label}; kept on this machine only`}
      pressed={pressed}
      act={() => void model.rate(turn, pressed ? 0 : value)}
    />
  );
}
