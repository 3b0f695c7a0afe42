import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';
import type { ChatModel } from '../model';
import type { IConversation } from '../protocol';

const DAY_MS = 24 * 3600 * 1000;

interface IProps {
  model: ChatModel;
  close: () => void;
}

/** The conversations of this notebook and project, by day; to open, rename and delete. */
export function History({ model, close }: IProps): JSX.Element {
  const [listed, setListed] = React.useState<IConversation[] | string>('looking …');
  const [words, setWords] = React.useState('');
  const load = React.useCallback(() => {
    model.link.fetch('conversations', { words: '' }, 'conversations').then(
      ({ conversations }) => setListed(conversations),
      error => setListed(error.message)
    );
  }, [model]);
  React.useEffect(load, [load]);

  if (typeof listed === 'string') {
    return <p className="jp-CodeAssist-note">{listed}</p>;
  }
  const open = (one: IConversation) => {
    close();
    void model.open(one.id);
  };
  const rename = async (one: IConversation) => {
    const result = await InputDialog.getText({ title: 'Rename the chat', text: one.title });
    if (result.button.accept && result.value?.trim()) {
      await model.rename(one.id, result.value);
      load();
    }
  };
  const erase = async (one: IConversation) => {
    const buttons = [Dialog.cancelButton(), Dialog.warnButton({ label: 'Delete' })];
    const body = `“${one.title}” is erased from the disk.`;
    if ((await showDialog({ title: 'Delete the chat?', body, buttons })).button.accept) {
      await model.delete(one.id);
      load();
    }
  };
  const found = listed.filter(one => one.title.toLowerCase().includes(words.toLowerCase()));
  return (
    <div className="jp-CodeAssist-history">
      <input
        type="search"
        aria-label="Filter by title"
        placeholder="Filter by title"
        value={words}
        onChange={event => setWords(event.target.value)}
      />
      {found.length === 0 && <p className="jp-CodeAssist-note">There is no such chat.</p>}
      {groups(found).map(([day, conversations]) => (
        <section key={day} aria-label={day}>
          <h3>{day}</h3>
          <ul>
            {conversations.map(one => (
              <li key={one.id}>
                <button className="jp-CodeAssist-title" onClick={() => open(one)}>
                  {one.bookmarked ? '★ ' : ''}
                  {one.title}
                </button>
                <button onClick={() => void rename(one)}>Rename</button>
                <button onClick={() => void erase(one)}>Delete</button>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

function groups(conversations: IConversation[]): [string, IConversation[]][] {
  const today = new Date().setHours(0, 0, 0, 0);
  const days = new Map<string, IConversation[]>();
  for (const one of conversations) {
    const age = today - one.updated * 1000;
    const day = age <= 0 ? 'Today' : age <= DAY_MS ? 'Yesterday' : 'Earlier';
    days.set(day, [...(days.get(day) ?? []), one]);
  }
  return [...days];
}
