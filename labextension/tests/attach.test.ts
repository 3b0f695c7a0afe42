/** What can be attached, and what is refused with a reason. */

import { File } from 'node:buffer';
import { attachedFile, attachedText, cellsText, checkWhole, NotSent } from '../src/attach';
import { NOTHING } from '../src/turns';

function file(...parts: (string | Uint8Array)[]): globalThis.File {
  return new File(parts, 'data.csv') as unknown as globalThis.File;
}

test('a text file is attached under its name', async () => {
  expect(await attachedFile(file('a,ü\n'))).toEqual({ label: 'data.csv', text: 'a,ü\n' });
});

test.each([
  ['binary', file(new Uint8Array([0xff, 0xd8, 0xff])), /not a text file/],
  ['with NUL', file('a\0b'), /not a text file/],
  ['empty', file(' \n'), /is empty/],
  ['too large', file('x'.repeat(100_001)), /101 kB; at most 100 kB/]
])('a file that is %s is refused', async (_, given, reason) => {
  await expect(attachedFile(given)).rejects.toThrow(reason);
  await expect(attachedFile(given)).rejects.toBeInstanceOf(NotSent);
});

test('a text is measured in bytes, not in characters', () => {
  expect(() => attachedText('note', 'ü'.repeat(60_000))).toThrow(NotSent);
  expect(attachedText('note', 'u'.repeat(60_000)).text).toHaveLength(60_000);
});

test('what does not fit into one message is refused', () => {
  const carried = (text: string) => ({ ...NOTHING, attachments: [{ label: 'a', text }] });
  expect(() => checkWhole('why?', carried('x'.repeat(240_000)))).not.toThrow();
  expect(() => checkWhole('why?', carried('x'.repeat(250_000)))).toThrow(/Remove an attachment/);
  expect(() => checkWhole('why?', carried('ü'.repeat(45_000)))).toThrow(NotSent); // 6 bytes each
  expect(() => checkWhole('why?', carried('🐼'.repeat(21_000)))).toThrow(NotSent);
});

test('a notebook is attached as its cells', () => {
  const cells = [{ cell_type: 'code', source: ['a = 1\n', 'b'] }, { cell_type: 'markdown', source: '# T' }];
  expect(cellsText(cells)).toBe('# %%\na = 1\nb\n\n# %% [markdown]\n# T');
});
