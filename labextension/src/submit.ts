/** Sends what was written in the composer: a question, or one of the `/` commands. */

import { checkWhole, NotSent } from './attach';
import { askAboutCell, type Cells } from './cells';
import type { Draft } from './draft';
import { NotConnected, Refused, said } from './kernel';
import type { ChatModel } from './model';
import type { IHit } from './protocol';
import { COMMANDS, type CommandName, isAboutCell, parseCommand } from './slash';

/** A place that can be opened; `path` is relative to the notebook's folder, '' if none is there. */
export type IPlace = Pick<IHit, 'path' | 'line' | 'cell'>;

const PATIENCE_MS = 500; // a kernel that is busy may take longer to look mentions up

/** What a command found; it is shown beside the chat and is no part of it. */
export interface IResults {
  title: string;
  entries: { label: string; detail: string; place?: IPlace }[];
}

/**
 * Send the draft, and begin another one; what cannot be sent stays, and why is its `problem`. Gives
 * what a command has found to be shown.
 */
export async function submit(
  draft: Draft,
  model: ChatModel,
  cells: Cells
): Promise<IResults | undefined> {
  const looking = draft.lookUp();
  if (looking !== undefined) {
    await Promise.race([looking, after(PATIENCE_MS)]);
  }
  const text = draft.text;
  let results: IResults | undefined;
  await draft.attempt(async () => {
    const parsed = parseCommand(text);
    if (parsed === undefined) {
      askDraft(draft, model);
      return;
    }
    const { command, typed, words } = parsed;
    if (command === undefined) {
      throw new NotSent(
        `There is no command /${typed}; /help lists them. A space before the slash asks it as it is.`
      );
    }
    if (isAboutCell(command.name)) {
      askAboutCell(model, cells, command.name, words, draft.carried());
      draft.clear();
      return;
    }
    results = await run(command.name, words, model);
    if (draft.text === text) {
      draft.clear(); // else the user has begun another one meanwhile
    }
  });
  return results;
}

function askDraft(draft: Draft, model: ChatModel): void {
  const question = draft.text.trim();
  if (question) {
    const carried = draft.carried();
    checkWhole(question, carried);
    model.ask(question, carried);
    draft.clear();
  }
}

/** Do a command that asks the model nothing; NotSent says why it cannot be. */
async function run(
  name: CommandName,
  words: string,
  model: ChatModel
): Promise<IResults | undefined> {
  if (name === 'help') {
    const entries = COMMANDS.map(one => ({
      label: `/${one.name} ${one.words}`.trim(),
      detail: one.about
    }));
    return { title: 'Commands', entries };
  }
  if (name === 'search' && !words) {
    throw new NotSent('Write what to search for after /search.');
  }
  try {
    return await look(name, words, model);
  } catch (error) {
    if (error instanceof Refused || error instanceof NotConnected) {
      throw new NotSent(said(error));
    }
    throw error;
  }
}

async function look(
  name: CommandName,
  words: string,
  model: ChatModel
): Promise<IResults | undefined> {
  if (name === 'search') {
    const found = await model.link.fetch('search', { query: words }, 'found');
    const { hits, confident, complete } = found;
    const entries = hits.map(({ label, name, snippet, path, line, cell }) => ({
      label: label.includes(name) ? label : `${label} · ${name}`,
      detail: snippet,
      place: path ? { path, line, cell } : undefined
    }));
    const places = `${count(entries.length, 'place')} for “${words}”`;
    const sure = confident || hits.length === 0 ? '' : ', none of them a confident match';
    return { title: `${places}${sure}${complete ? '' : '; the project is still being read'}`, entries };
  }
  if (name === 'vars') {
    const { variables } = await model.link.fetch('variables', {}, 'variables');
    const entries = variables.map(({ name, text }) => ({ label: name, detail: text }));
    return { title: count(entries.length, 'variable'), entries };
  }
  if (name === 'export') {
    const { conversation } = model;
    const { text } = await model.link.fetch('export', { conversation }, 'told');
    return { title: text, entries: [] };
  }
  await model.begin();
  return undefined;
}

function after(milliseconds: number): Promise<void> {
  return new Promise(resolve => setTimeout(resolve, milliseconds));
}

function count(number: number, what: string): string {
  return number === 0 ? `No ${what}` : `${number} ${what}${number === 1 ? '' : 's'}`;
}
