/** The commands of the composer, as they are typed. */

import { COMMANDS, instruction, isAboutCell, matchingCommands, parseCommand } from '../src/slash';

test.each([
  ['/explain', 'explain', ''],
  ['/Explain  ', 'explain', ''],
  ['/search  two words ', 'search', 'two words'],
  ['/fix\nx == 3', 'fix', 'x == 3']
])('%j is the command %s', (text, name, words) => {
  expect(parseCommand(text)).toMatchObject({ command: { name }, words });
});

test.each(['/', '/explain-it', '/etc/passwd why', '/fixed', '/constructor'])(
  '%j is no command of ours and is not sent as a question',
  text => {
    const parsed = parseCommand(text);
    expect(parsed).toBeDefined();
    expect(parsed?.command).toBeUndefined();
  }
);

test.each(['why /explain?', ' /explain', 'a / b', ''])('%j is a question', text => {
  expect(parseCommand(text)).toBeUndefined();
});

test('a command is completed while its name is typed, and not after it', () => {
  expect(matchingCommands('/').length).toBe(COMMANDS.length);
  expect(matchingCommands('/ex').map(({ name }) => name)).toEqual(['explain', 'export']);
  expect(matchingCommands('/x')).toEqual([]);
  expect(matchingCommands('/search w')).toEqual([]);
  expect(matchingCommands('see /ex')).toEqual([]);
});

test('commands about a cell ask a question, to which words can be added', () => {
  const about = COMMANDS.filter(({ name }) => isAboutCell(name)).map(({ name }) => name);
  expect(about).toEqual(['explain', 'fix', 'improve', 'test', 'doc']);
  expect(instruction('test', ' with an empty list ')).toMatch(/^Write tests .*\nwith an empty list$/s);
  expect(instruction('test')).not.toContain('\n');
});
