import * as React from 'react';
import type { ChatModel } from '../model';
import type { ICarried, IEvents, IPart, PartName } from '../protocol';

export type Carried = { question: string } & ICarried;

/** What the next question carries; a string says why that is not known. */
export type Found = IEvents['context'] | string;

// The names that the kernel gives to what makes up a part.
const PARTS: Record<PartName, { label: string; of: string[] }> = {
  cells: { label: 'Cells', of: ['cells'] },
  variables: { label: 'Variables', of: ['variables'] },
  sources: { label: 'Sources', of: ['sources'] },
  chat: { label: 'Chat so far', of: ['summary', 'chat so far', 'recalled turns'] }
};
const NAMES = Object.keys(PARTS) as PartName[];
const SWITCHED = NAMES.flatMap(name => PARTS[name].of);

/** Looked up when the kernel is ready, an answer is over, a part is switched, or `shown` changes. */
export function useFound(model: ChatModel, carried: () => Carried, shown: boolean): Found {
  const [found, setFound] = React.useState<Found>('');
  const ready = model.link.state === 'ready';
  const without = model.without.join();
  React.useEffect(() => {
    let current = true;
    if (ready && !model.isRunning) {
      const set = (found: Found) => current && setFound(found);
      model.link
        .fetch('context', carried(), 'context')
        .then(set, (error: Error) => set(error.message));
    }
    return () => {
      current = false;
    };
  }, [model, ready, model.isRunning, without, shown]);
  return ready ? found : 'There is no connection to a kernel.';
}

/** All tokens of the next question. */
export function tokensOf(parts: readonly IPart[]): number {
  return parts.reduce((sum, { tokens }) => sum + tokens, 0);
}

/** What the next question carries; parts of it can be switched off. */
export function Context({ model, found }: { model: ChatModel; found: Found }): JSX.Element {
  const parts = typeof found === 'string' ? [] : found.parts;
  return (
    <section className="jp-CodeAssist-carried" aria-label="What is carried">
      <ul>
        {NAMES.map(name => (
          <Switch
            key={name}
            label={PARTS[name].label}
            parts={parts.filter(part => PARTS[name].of.includes(part.name))}
            on={!model.without.includes(name)}
            carry={on => model.carry(name, on)}
          />
        ))}
        {parts
          .filter(part => !SWITCHED.includes(part.name))
          .map(part => (
            <li key={part.name}>
              <span className="jp-CodeAssist-part">{part.name}</span> <Detail parts={[part]} />
            </li>
          ))}
      </ul>
      {typeof found === 'string' ? (
        <p className="jp-CodeAssist-note">{found}</p>
      ) : (
        found.left_out.map(what => (
          <p key={what} className="jp-CodeAssist-note">
            Left out: {what}
          </p>
        ))
      )}
    </section>
  );
}

function Switch(props: {
  label: string;
  parts: IPart[];
  on: boolean;
  carry: (on: boolean) => void;
}): JSX.Element {
  const { label, parts, on, carry } = props;
  return (
    <li>
      <label className="jp-CodeAssist-part">
        <input type="checkbox" checked={on} onChange={event => carry(event.target.checked)} />
        {label}
      </label>{' '}
      {on ? <Detail parts={parts} /> : 'switched off'}
    </li>
  );
}

function Detail({ parts }: { parts: IPart[] }): JSX.Element {
  const details = parts.map(({ detail }) => detail).filter(Boolean);
  const tokens = tokensOf(parts);
  return <>{[parts.length ? `${tokens} tokens` : 'nothing', ...details].join(' · ')}</>;
}
