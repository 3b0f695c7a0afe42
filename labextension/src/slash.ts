/** The `/` commands of the composer, and what those about a cell ask. */

export type CellCommand = 'explain' | 'fix' | 'improve' | 'test' | 'doc';
export type CommandName = CellCommand | 'search' | 'vars' | 'clear' | 'export' | 'help';

export interface ICommand {
  name: CommandName;
  /** What may be typed after it, as the help shows it; '' for nothing. */
  words: string;
  about: string;
}

export const COMMANDS: readonly ICommand[] = [
  { name: 'explain', words: '', about: 'Explain the selected cell, or the text selected in it' },
  { name: 'fix', words: '[x == 3]', about: 'Fix the failed cell; what must hold after it may follow' },
  { name: 'improve', words: '', about: 'Make the selected code simpler and clearer' },
  { name: 'test', words: '', about: 'Write tests for the selected code' },
  { name: 'doc', words: '', about: 'Write docstrings and comments for the selected code' },
  { name: 'search', words: 'WORDS', about: 'Search the files and notebooks of the project' },
  { name: 'vars', words: '', about: 'List the variables of the kernel' },
  { name: 'clear', words: '', about: 'Begin a new chat' },
  { name: 'export', words: '', about: 'Write this chat to a file' },
  { name: 'help', words: '', about: 'List these commands' }
];

const INSTRUCTIONS: Record<CellCommand, string> = {
  explain: 'Explain what this code does and why, step by step. Name what may surprise a reader.',
  fix: 'Find the mistakes in this code and show it corrected. Say what was wrong.',
  improve:
    'Improve this code: make it simpler, clearer and faster, but let it do the same. ' +
    'Show the whole new code and say what you changed.',
  test:
    'Write tests for this code: plain asserts for one cell below it, with the usual case, ' +
    'edge cases and bad input.',
  doc:
    'Document this code: add docstrings, and comments that say why. ' +
    'Show the whole code and change nothing else in it.'
};

/** Whether a command is about the selected cell. */
export function isAboutCell(name: CommandName): name is CellCommand {
  return Object.prototype.hasOwnProperty.call(INSTRUCTIONS, name);
}

/** The question that a command about a cell asks; `words` are those typed after it. */
export function instruction(name: CellCommand, words = ''): string {
  return [INSTRUCTIONS[name], words.trim()].filter(Boolean).join('\n');
}

/** A text that begins with a slash: its command, undefined if we have none of that name. */
export interface ITyped {
  typed: string;
  command: ICommand | undefined;
  words: string;
}

/** What a text commands; undefined if it is a question. A space before the slash makes it one. */
export function parseCommand(text: string): ITyped | undefined {
  const found = /^\/(\S*)\s*([\s\S]*)$/.exec(text);
  if (found === null) {
    return undefined;
  }
  const typed = found[1].toLowerCase();
  const command = COMMANDS.find(({ name }) => name === typed);
  return { typed: found[1], command, words: found[2].trim() };
}

/** The commands that what is typed before the caret can be completed to. */
export function matchingCommands(before: string): readonly ICommand[] {
  const found = /^\/(\S*)$/.exec(before);
  return found ? COMMANDS.filter(({ name }) => name.startsWith(found[1].toLowerCase())) : [];
}
