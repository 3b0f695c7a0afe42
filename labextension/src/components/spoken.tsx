import * as React from 'react';
import { sentencesOf } from '../speech';
import type { ITurn } from '../turns';

const KEPT = 5; // sentences that stay, so that none goes before it is read
const LEFT_MS = 5000; // that they stay after the answer

/** Speaks the answer that is being written, sentence by sentence, and how it ended. */
export function Spoken({ turns }: { turns: readonly ITurn[] }): JSX.Element {
  const asked = turns.filter(({ state }) => state !== 'queued');
  const turn: ITurn | undefined = asked[asked.length - 1];
  const [followed, setFollowed] = React.useState<number>(); // the turn that was seen running
  const running = turn?.state === 'running';
  React.useEffect(() => {
    if (running) {
      setFollowed(turn.key);
      return undefined;
    }
    const timer = window.setTimeout(() => setFollowed(undefined), LEFT_MS);
    return () => window.clearTimeout(timer);
  }, [running, turn?.key]);
  const said = turn && turn.key === followed ? saidOf(turn) : [];
  const first = Math.max(0, said.length - KEPT);
  return (
    <div className="jp-CodeAssist-spoken" role="log" aria-label="Answer as it is written">
      {said.slice(first).map((sentence, index) => (
        <p key={first + index}>{sentence}</p>
      ))}
    </div>
  );
}

function saidOf(turn: ITurn): string[] {
  const over = turn.state !== 'running';
  const said = ['Answering.', ...sentencesOf(turn.answer, over)];
  if (turn.state === 'failed') {
    return [...said, 'The answer has failed.', turn.error];
  }
  return over ? [...said, 'Answer complete.'] : said;
}
