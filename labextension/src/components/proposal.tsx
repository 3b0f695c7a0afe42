import * as React from 'react';
import type { IEvents } from '../protocol';
import type { ICodeActions } from './code';
import { Diff, Review } from './review';

interface IProps {
  proposal: IEvents['proposal'];
  actions: ICodeActions;
}

// The answer above it says what was seen; this says how far to trust it.
const TRIED: Record<string, [string, string]> = {
  verified: ['Verified', 'in a copy of your kernel'],
  ran: ['Ran', 'in a copy of your kernel; whether it is right was not checked'],
  failed: ['Failed', 'in a copy of your kernel: the cell still has an error'],
  not_tried: ['Not tried', 'read it before you accept it']
};

/** What is proposed for a cell or a file, how it was tried, and what speaks against it. */
export function Proposal({ proposal, actions }: IProps): JSX.Element {
  const { status, flags, path } = proposal;
  const [word, detail] = TRIED[status] ?? TRIED.not_tried;
  return (
    <section className="jp-CodeAssist-proposal" aria-label="Proposed change">
      <p>
        <strong>{word}:</strong> {detail}
      </p>
      {flags.map((flag, index) => (
        <p key={index} className="jp-CodeAssist-error">
          Warning: {flag}
        </p>
      ))}
      {path ? (
        <OfFile key={proposal.source} proposal={proposal} actions={actions} />
      ) : (
        <OfCell key={proposal.source} proposal={proposal} actions={actions} />
      )}
    </section>
  );
}

function OfCell({ proposal, actions }: IProps): JSX.Element {
  const [change, setChange] = React.useState(() => actions.review(proposal));
  const [closed, setClosed] = React.useState(false);
  const show = React.useRef<HTMLButtonElement>(null);
  React.useEffect(() => {
    if (closed) {
      show.current?.focus();
    }
  }, [change]);
  const close = () => {
    setChange(undefined);
    setClosed(true);
  };
  if (change === undefined) {
    return (
      <div className="jp-CodeAssist-actions">
        <button ref={show} onClick={() => setChange(actions.review(proposal))}>
          Show the change
        </button>
        <button onClick={() => actions.copy(proposal.source)}>Copy</button>
      </div>
    );
  }
  return (
    <Review
      change={change}
      label="Change of the cell"
      takesFocus={closed}
      actions={actions}
      close={close}
    />
  );
}

function OfFile({ proposal, actions }: IProps): JSX.Element {
  const [told, setTold] = React.useState('');
  const [writing, setWriting] = React.useState(false);
  const write = () => {
    setWriting(true);
    void actions
      .writeFile(proposal)
      .then(setTold)
      .finally(() => setWriting(false));
  };
  return (
    <>
      <React.Suspense fallback={<p className="jp-CodeAssist-note">Loading the diff …</p>}>
        <Diff before={proposal.expected} after={proposal.source} />
      </React.Suspense>
      <div className="jp-CodeAssist-actions">
        <button disabled={writing} onClick={write}>
          Write to {proposal.path}
        </button>
        <button onClick={() => actions.copy(proposal.source)}>Copy</button>
      </div>
      <p className="jp-CodeAssist-note" role="status">
        {told}
      </p>
    </>
  );
}
