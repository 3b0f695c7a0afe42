import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { addAboveIcon, addBelowIcon, copyIcon, runIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { CellChange } from '../change';
import { fenced } from '../markdown';
import type { IEvents } from '../protocol';
import { IconButton } from './icon_button';
import { Markdown } from './markdown';
import { Review } from './review';

/** What can be done with the code of an answer; nothing is written or run but by a user's click. */
export interface ICodeActions {
  copy(code: string): void;
  insert(code: string, where: 'above' | 'below'): void;
  /** Put it into a cell below and run that; asks the user the first time. */
  runBelow(code: string): void;
  /** Ask about it. */
  ask(question: string, code: string): void;
  /** It in place of the selected cell, to be looked at; undefined if there is none. */
  replace(code: string): CellChange | undefined;
  /** What is proposed for a cell of the notebook, to be looked at; undefined if none is open. */
  review(proposal: IEvents['proposal']): CellChange | undefined;
  run(change: CellChange): void;
  /** Write what is proposed for a file; what became of it. */
  writeFile(proposal: IEvents['proposal']): Promise<string>;
}

interface IProps {
  code: string;
  language: string;
  actions: ICodeActions | null; // null while the block is still being written
  rendermime: IRenderMimeRegistry;
}

const PYTHON = new Set(['', 'python', 'python3', 'py', 'ipython', 'ipython3']);

export function CodeBlock({ code, language, actions, rendermime }: IProps): JSX.Element {
  const isPython = PYTHON.has(language);
  const [change, setChange] = React.useState<CellChange>();
  const [round, setRound] = React.useState(0);
  const replace = React.useRef<HTMLButtonElement>(null);
  const close = () => {
    setChange(undefined);
    replace.current?.focus();
  };
  return (
    <div className="jp-CodeAssist-code">
      <Markdown text={fenced(code, isPython ? 'python' : language)} rendermime={rendermime} />
      {actions && (
        <div className="jp-CodeAssist-actions" role="group" aria-label="Code of the answer">
          <IconButton icon={copyIcon} label="Copy" act={() => actions.copy(code)} />
          {isPython && (
            <>
              <IconButton
                icon={addAboveIcon}
                label="Insert above"
                act={() => actions.insert(code, 'above')}
              />
              <IconButton
                icon={addBelowIcon}
                label="Insert below"
                act={() => actions.insert(code, 'below')}
              />
              <IconButton
                icon={runIcon}
                label="Run in new cell"
                act={() => actions.runBelow(code)}
              />
              <button
                ref={replace}
                aria-expanded={change !== undefined}
                onClick={() => {
                  setChange(actions.replace(code));
                  setRound(round + 1);
                }}
              >
                Replace cell
              </button>
            </>
          )}
          <button onClick={() => actions.ask('Explain this code.', code)}>Explain</button>
          <button onClick={() => actions.ask('Improve this code.', code)}>Improve</button>
        </div>
      )}
      {actions && change && (
        <Review
          key={round}
          change={change}
          label="Replace the cell"
          takesFocus={true}
          actions={actions}
          close={close}
        />
      )}
    </div>
  );
}
