import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';
import { segmentsOf } from '../markdown';
import type { ChatModel } from '../model';
import type { ISource } from '../protocol';
import type { ITurn } from '../turns';
import { CodeBlock, type ICodeActions } from './code';
import { Markdown } from './markdown';
import { Proposal } from './proposal';

interface IProps {
  turn: ITurn;
  model: ChatModel;
  actions: ICodeActions;
  openSource: (source: ISource) => void;
  rendermime: IRenderMimeRegistry;
}

/** One question with its answer. */
export function Turn({ turn, model, actions, openSource, rendermime }: IProps): JSX.Element {
  const over = turn.state === 'done' || turn.state === 'failed';
  const segments = React.useMemo(() => segmentsOf(turn.answer), [turn.answer]);
  return (
    <article className="jp-CodeAssist-turn" aria-label={turn.question.slice(0, 80)}>
      <div className="jp-CodeAssist-question">
        {turn.question}
        {turn.carried.attachments.map(({ label }) => (
          <span key={label} className="jp-CodeAssist-attached">
            {label}
          </span>
        ))}
      </div>
      <div className="jp-CodeAssist-answer" aria-busy={!over}>
        {segments.map((segment, index) =>
          segment.kind === 'prose' ? (
            <Markdown key={index} text={segment.text} rendermime={rendermime} />
          ) : (
            <CodeBlock
              key={index}
              code={segment.text}
              language={segment.language}
              actions={over || index < segments.length - 1 ? actions : null}
              rendermime={rendermime}
            />
          )
        )}
      </div>
      {turn.state === 'queued' && <p className="jp-CodeAssist-note">waits for the kernel …</p>}
      {turn.status && <p className="jp-CodeAssist-note">{turn.status}</p>}
      {over && turn.proposal && <Proposal proposal={turn.proposal} actions={actions} />}
      {turn.error && <p className="jp-CodeAssist-error">{turn.error}</p>}
      {turn.sources.length > 0 && (
        <div className="jp-CodeAssist-sources" aria-label="Sources">
          {turn.sources.map(source => (
            <Source key={source.id} source={source} open={openSource} />
          ))}
        </div>
      )}
      {turn.footer && <p className="jp-CodeAssist-note">{turn.footer}</p>}
      {over && (
        <div className="jp-CodeAssist-actions">
          <button disabled={model.isRunning} onClick={() => model.retry(turn)}>
            Retry
          </button>
          {turn.number > 0 && (
            <>
              <Rating turn={turn} model={model} value={1} label="Good answer" sign="+" />
              <Rating turn={turn} model={model} value={-1} label="Bad answer" sign="−" />
            </>
          )}
        </div>
      )}
    </article>
  );
}

function Source(props: { source: ISource; open: (source: ISource) => void }): JSX.Element {
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

function Rating(props: {
  turn: ITurn;
  model: ChatModel;
  value: number;
  label: string;
  sign: string;
}): JSX.Element {
  const { turn, model, value, label, sign } = props;
  const pressed = turn.feedback === value;
  return (
    <button
      aria-label={label}
      aria-pressed={pressed}
      title={`${label}; kept on this machine only`}
      onClick={() => void model.rate(turn, pressed ? 0 : value)}
    >
      {sign}
    </button>
  );
}
