import * as React from 'react';
import type { CellChange } from '../change';
import type { ITexts } from '../hunks';
import { Changed } from '../notebook';
import type { ICodeActions } from './code';
import type { IDiffProps } from './diff';

/** The diff of two texts, loaded when it is first drawn. */
export const Diff = React.lazy<React.ComponentType<IDiffProps>>(async () => {
  try {
    return await (await import('./diff')).load();
  } catch {
    return { default: NoDiff };
  }
});

interface IProps {
  change: CellChange;
  label: string;
  takesFocus: boolean;
  actions: ICodeActions;
  close: () => void;
}

/** A change of a cell, hunk by hunk; written in one step when the last is decided. */
export function Review(props: IProps): JSX.Element {
  const [change, setChange] = React.useState(props.change);
  const [texts, setTexts] = React.useState<ITexts>(props.change);
  const [problem, setProblem] = React.useState<Error | null>(null);
  const [written, setWritten] = React.useState(false);
  const frame = React.useRef<HTMLDivElement>(null);
  React.useEffect(() => {
    if (props.takesFocus) {
      frame.current?.focus();
    }
  }, []);

  const attempt = (act: () => void) => {
    try {
      act();
      setProblem(null);
    } catch (error) {
      setProblem(error instanceof Error ? error : new Error(String(error)));
    }
  };
  const finish = (source: string) =>
    attempt(() => {
      if (source === change.before) {
        props.close();
      } else {
        change.write(source);
        setWritten(true);
        frame.current?.focus();
      }
    });
  const settled = (next: ITexts) =>
    next.before === next.after ? finish(next.after) : setTexts(next);
  const again = () =>
    attempt(() => {
      const fresh = change.again();
      setChange(fresh);
      setTexts(fresh);
    });

  return (
    <div
      className="jp-CodeAssist-review"
      role="group"
      aria-label={props.label}
      tabIndex={-1}
      ref={frame}
    >
      {written ? (
        <Written run={() => props.actions.run(change)} close={props.close} />
      ) : (
        <>
          <React.Suspense fallback={<p className="jp-CodeAssist-note">Loading the diff …</p>}>
            <Diff {...texts} settled={settled} />
          </React.Suspense>
          {change.before === change.after && (
            <p className="jp-CodeAssist-note">The cell has this text already.</p>
          )}
          {problem && (
            <p className="jp-CodeAssist-error" role="alert">
              {problem.message} The proposed code can still be copied.
            </p>
          )}
          <div className="jp-CodeAssist-actions">
            <button onClick={() => finish(texts.after)}>Accept all</button>
            {problem instanceof Changed && <button onClick={again}>Make the diff again</button>}
            <button onClick={() => props.actions.copy(change.after)}>Copy</button>
            <button onClick={props.close}>Cancel</button>
          </div>
        </>
      )}
    </div>
  );
}

function Written({ run, close }: { run: () => void; close: () => void }): JSX.Element {
  return (
    <>
      <p className="jp-CodeAssist-note" role="status">
        The cell was changed; Undo in it takes that back.
      </p>
      <div className="jp-CodeAssist-actions">
        <button onClick={run}>Run the cell</button>
        <button onClick={close}>Close</button>
      </div>
    </>
  );
}

function NoDiff({ after }: IDiffProps): JSX.Element {
  return (
    <>
      <p className="jp-CodeAssist-error" role="alert">
        The diff could not be loaded; reload the page. This is proposed:
      </p>
      <pre>{after}</pre>
    </>
  );
}
