import * as React from 'react';
import { sentencesOf } from '../speech';
import type { ITurn } from '../turns';

const SPOKEN_MS = 500; // between looks at what is new
const KEPT = 50; // sentences that stay, so that none goes before it is read
const LEFT_MS = 5000; // that they stay after the answer

/** Speaks the answer that is being written, sentence by sentence, and how it ended. */
export function Spoken({ turns }: { turns: readonly ITurn[] }): JSX.Element {
  const asked = turns.filter(({ state }) => state !== 'queued');
  const turn: ITurn | undefined = asked[asked.length - 1];
  const running = turn?.state === 'running';
  const [said, setSaid] = React.useState<string[]>([]);
  const latest = React.useRef(turn);
  const followed = React.useRef<number>(); // the turn that was seen running
  latest.current = turn;
  React.useEffect(() => {
    const speak = () => latest.current && setSaid(saidOf(latest.current));
    if (running) {
      followed.current = turn.key;
      const timer = window.setInterval(speak, SPOKEN_MS);
      return () => window.clearInterval(timer);
    }
    if (turn && turn.key === followed.current) {
      speak();
    }
    const timer = window.setTimeout(() => setSaid([]), LEFT_MS);
    return () => window.clearTimeout(timer);
  }, [running, turn?.key]);
  const first = Math.max(0, said.length - KEPT);
  return (
    <div className="jp-CodeAssist-spoken" aria-live="polite">
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
    return [...said, 'The answer has failed.']; // the error speaks for itself
  }
  return over ? [...said, 'Answer complete.'] : said;
}
