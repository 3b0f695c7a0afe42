import { NotebookActions } from '@jupyterlab/notebook';
import * as React from 'react';
import type { Cells } from '../cells';
import type { ChatModel } from '../model';
import type { ISuggestion } from '../protocol';

const PAUSE_MS = 300; // after a cell has run; more may follow

interface IProps {
  model: ChatModel;
  cells: Cells;
  take: (text: string) => void;
}

/** Questions worth asking now: while the chat is empty, and after a cell has failed. */
export function Suggestions({ model, cells, take }: IProps): JSX.Element | null {
  const runs = useRuns(cells);
  const { notebook } = cells;
  const failed = React.useMemo(() => cells.lastFailed(), [cells, notebook, runs]);
  const [prompts, setPrompts] = React.useState<readonly ISuggestion[]>([]);
  const wanted = model.link.state === 'ready' && (model.turns.length === 0 || failed);
  React.useEffect(() => {
    let isLatest = true;
    if (wanted) {
      model.link.fetch('suggest', {}, 'suggestions').then(
        found => isLatest && setPrompts(found.prompts),
        () => isLatest && setPrompts([]) // there is just nothing to suggest
      );
    }
    return () => {
      isLatest = false;
    };
  }, [model, notebook, wanted, runs]);
  return !wanted || prompts.length === 0 ? null : (
    <div className="jp-CodeAssist-suggestions" role="group" aria-label="Suggestions">
      {prompts.map(({ label, text }) => (
        <button key={label} className="jp-CodeAssist-chip" title={text} onClick={() => take(text)}>
          {label}
        </button>
      ))}
    </div>
  );
}

/** Counts up when cells of the notebook have run. */
function useRuns(cells: Cells): number {
  const [runs, setRuns] = React.useState(0);
  React.useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    const onRun = (_: unknown, { notebook }: { notebook: unknown }) => {
      if (notebook === cells.notebook) {
        clearTimeout(timer);
        timer = setTimeout(() => setRuns(count => count + 1), PAUSE_MS);
      }
    };
    NotebookActions.executed.connect(onRun);
    return () => {
      NotebookActions.executed.disconnect(onRun);
      clearTimeout(timer);
    };
  }, [cells]);
  return runs;
}
