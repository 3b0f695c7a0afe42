import * as React from 'react';
import type { ChatModel } from '../model';
import type { ITurn } from '../turns';

/** The questions that are asked after the one that is being answered. */
export function Waiting(props: {
  model: ChatModel;
  takeBack: (turn: ITurn) => void;
}): JSX.Element | null {
  const waiting = props.model.turns.filter(({ state }) => state === 'queued');
  return waiting.length === 0 ? null : (
    <ul className="jp-CodeAssist-waiting" aria-label="Waiting">
      {waiting.map(turn => (
        <li key={turn.key}>
          <span className="jp-CodeAssist-title">Waits: {turn.question}</span>
          <button aria-label={`Take back: ${turn.question}`} onClick={() => props.takeBack(turn)}>
            Take back
          </button>
        </li>
      ))}
    </ul>
  );
}
