import { Dialog, InputDialog, showDialog } from '@jupyterlab/apputils';
import * as React from 'react';
import { said } from '../kernel';
import type { ChatModel } from '../model';
import type { IConversation } from '../protocol';

const DAY_MS = 24 * 3600 * 1000;
const TYPING_MS = 250; // until what is typed is searched for

interface IProps {
  model: ChatModel;
  close: () => void;
}

/** The conversations of this notebook and project, by day; to find, open, mark, keep and delete. */
export function History({ model, close }: IProps): JSX.Element {
  const [words, setWords] = React.useState('');
  const [told, setTold] = React.useState('');
  const { listed, load } = useConversations(model, words);

  const open = (one: IConversation) => {
    close();
    void model.open(one.id);
  };
  const exported = async (one: IConversation) => {
    try {
      const { text } = await model.link.fetch('export', { conversation: one.id }, 'told');
      setTold(text);
    } catch (error) {
      setTold(said(error));
    }
  };
  const changed = (change: Promise<void>) => {
    setTold('');
    void change.then(load);
  };
  return (
    <div className="jp-CodeAssist-pane">
      <input
        type="search"
        aria-label="Search the chats"
        placeholder="Search the chats"
        value={words}
        onChange={event => setWords(event.target.value)}
      />
      <p className="jp-CodeAssist-note" role="status">
        {told || (typeof listed === 'string' ? listed : listed.length ? '' : 'There is no such chat.')}
      </p>
      {groups(typeof listed === 'string' ? [] : listed).map(([day, conversations]) => (
        <section key={day} aria-label={day}>
          <h3>{day}</h3>
          <ul>
            {conversations.map(one => (
              <li key={one.id}>
                <button className="jp-CodeAssist-title" onClick={() => open(one)}>
                  {one.title}
                </button>
                {one.found && <p className="jp-CodeAssist-note">{one.found}</p>}
                <div className="jp-CodeAssist-actions" role="group" aria-label={one.title}>
                  <button
                    aria-pressed={one.bookmarked}
                    onClick={() => changed(model.bookmark(one.id, !one.bookmarked))}
                  >
                    {one.bookmarked ? '★' : '☆'} Bookmark
                  </button>
                  <button onClick={() => changed(rename(model, one))}>Rename</button>
                  <button onClick={() => void exported(one)}>Export</button>
                  <button onClick={() => changed(erase(model, one))}>Delete</button>
                </div>
              </li>
            ))}
          </ul>
        </section>
      ))}
    </div>
  );
}

/** The conversations that words are found in, all without words; a string instead of an answer. */
function useConversations(
  model: ChatModel,
  words: string
): { listed: readonly IConversation[] | string; load: () => void } {
  const [listed, setListed] = React.useState<readonly IConversation[] | string>('looking …');
  const asked = React.useRef(0);
  const load = React.useCallback(() => {
    const mine = ++asked.current;
    const set = (found: readonly IConversation[] | string) => {
      if (mine === asked.current) {
        setListed(found);
      }
    };
    model.link.fetch('conversations', { words }, 'conversations').then(
      ({ conversations }) => set(conversations),
      (error: Error) => set(error.message)
    );
  }, [model, words]);
  React.useEffect(() => {
    const timer = window.setTimeout(load, words ? TYPING_MS : 0);
    return () => window.clearTimeout(timer);
  }, [load]);
  return { listed, load };
}

async function rename(model: ChatModel, one: IConversation): Promise<void> {
  const result = await InputDialog.getText({ title: 'Rename the chat', text: one.title });
  if (result.button.accept && result.value?.trim()) {
    await model.rename(one.id, result.value);
  }
}

async function erase(model: ChatModel, one: IConversation): Promise<void> {
  const buttons = [Dialog.cancelButton(), Dialog.warnButton({ label: 'Delete' })];
  const body = `“${one.title}” is erased from the disk.`;
  if ((await showDialog({ title: 'Delete the chat?', body, buttons })).button.accept) {
    await model.delete(one.id);
  }
}

function groups(conversations: readonly IConversation[]): [string, IConversation[]][] {
  const today = new Date().setHours(0, 0, 0, 0);
  const days = new Map<string, IConversation[]>();
  for (const one of conversations) {
    const age = today - one.updated * 1000;
    const day = age <= 0 ? 'Today' : age <= DAY_MS ? 'Yesterday' : 'Earlier';
    days.set(day, [...(days.get(day) ?? []), one]);
  }
  return [...days];
}
