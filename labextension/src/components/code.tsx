import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';
import { fenced } from '../markdown';
import { Markdown } from './markdown';

/** What can be done with a code block; each writes only when the user clicks. */
export interface ICodeActions {
  copy(code: string): void;
  insert(code: string, where: 'above' | 'below'): void;
  replace(code: string): void;
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
  return (
    <div className="jp-CodeAssist-code">
      <Markdown text={fenced(code, isPython ? 'python' : language)} rendermime={rendermime} />
      {actions && (
        <div className="jp-CodeAssist-actions">
          <button onClick={() => actions.copy(code)}>Copy</button>
          {isPython && (
            <>
              <button onClick={() => actions.insert(code, 'above')}>Insert above</button>
              <button onClick={() => actions.insert(code, 'below')}>Insert below</button>
              <button onClick={() => actions.replace(code)}>Replace cell</button>
            </>
          )}
        </div>
      )}
    </div>
  );
}
