/** What the user should know of the kernel before asking, and the buttons that cure it. */

import { Clipboard } from '@jupyterlab/apputils';
import * as React from 'react';
import type { Following } from '../following';
import { type KernelState, said } from '../kernel';
import type { ChatModel } from '../model';
import type { OwnKernel } from '../own_kernel';
import { advice } from '../versions';
import { useSignal } from './use_signal';

const INSTALL = '%pip install codeassist-jupyter';

/** The panel, as far as it can change its place. */
export interface IMovable {
  readonly canMove: boolean;
  readonly inMain: boolean;
  move(): void;
}

export interface IConnectionProps {
  model: ChatModel;
  version: string;
  following: Following;
  own: OwnKernel;
  folder: () => string;
}

const STATES: Record<KernelState, string> = {
  none: 'Open a notebook to ask about it, or ask without one.',
  connecting: 'Connecting to the kernel …',
  waiting: 'A cell is running. CodeAssist is loaded after it; your question waits until then.',
  ready: '',
  restarting: 'The kernel restarts; what you ask now is answered after that.',
  missing: `This kernel does not have CodeAssist: run ${INSTALL} in a cell, then restart the kernel.`,
  'not-python': 'CodeAssist answers in Python kernels; this notebook has another one.',
  dead: 'The kernel has died. Restart it to go on.'
};

/** No kernel, one that cannot answer, versions that differ, where questions are sent. */
export function Connection(props: IConnectionProps): JSX.Element {
  const { model, version, following, own } = props;
  useSignal(following.changed);
  const { hello, state } = model.link;
  return (
    <>
      {STATES[state] && <p className="jp-CodeAssist-note">{stateText(state, following)}</p>}
      {(state === 'none' || state === 'not-python') && <StartKernel {...props} />}
      {state === 'missing' && (
        <button onClick={() => Clipboard.copyToSystem(INSTALL)}>Copy the %pip line</button>
      )}
      {following.isApart && (
        <p className="jp-CodeAssist-note">
          This chat has a kernel of its own, in {own.folder ? `“${own.folder}”` : 'the top folder'}.{' '}
          <button onClick={() => void attempt(model, () => own.shutDown())}>Shut it down</button>
        </p>
      )}
      {hello?.sent_to && <p className="jp-CodeAssist-error">Questions are {hello.sent_to}.</p>}
      {hello && advice(version, hello.version) && (
        <p className="jp-CodeAssist-error">{advice(version, hello.version)}</p>
      )}
    </>
  );
}

/** The button that moves the panel; nothing where it cannot be moved. */
export function MoveButton({ view }: { view: IMovable }): JSX.Element | null {
  return view.canMove ? (
    <button onClick={() => view.move()}>
      {view.inMain ? 'Move to the sidebar' : 'Move to the main area'}
    </button>
  ) : null;
}

function StartKernel({ model, own, folder }: IConnectionProps): JSX.Element {
  const [starting, setStarting] = React.useState(false);
  const start = async () => {
    setStarting(true);
    await attempt(model, () => own.start(folder()));
    setStarting(false);
  };
  return (
    <button disabled={starting} onClick={() => void start()}>
      {starting ? 'Starting a Python kernel …' : 'Start a Python kernel for this folder'}
    </button>
  );
}

function stateText(state: KernelState, following: Following): string {
  const withoutKernel = state === 'none' && following.notebook !== null;
  return withoutKernel ? 'This notebook has no kernel.' : STATES[state];
}

/** What goes wrong is said in the panel. */
async function attempt(model: ChatModel, change: () => Promise<void>): Promise<void> {
  model.report('');
  try {
    await change();
  } catch (error) {
    model.report(said(error));
  }
}
