/** Takes and leaves the differences between texts. */

import { hunksOf, type ITexts, settle } from '../src/hunks';

const BEFORE = 'import os\n\ntotal = 0\nfor n in ns:\n    total += n\n\n\nprint(total)\n# end';
const AFTER = 'import os\nimport sys\n\ntotal = 0\nfor n in ns:\n    total += n * 2\n\n\nprint(total)';

/** Decide all hunks, always the first that is left; `take` says for each whether it is taken. */
function decide(texts: ITexts, take: (index: number) => boolean): ITexts {
  for (let index = 0; hunksOf(texts).length > 0; index++) {
    expect(index).toBeLessThan(100);
    texts = settle(texts, hunksOf(texts)[0], take(index));
  }
  return texts;
}

test('each hunk is taken or left by itself', () => {
  const texts = { before: BEFORE, after: AFTER };
  expect(hunksOf(texts)).toHaveLength(3);
  expect(decide(texts, index => index === 1).after).toBe(
    BEFORE.replace('total += n', 'total += n * 2')
  );
  expect(decide(texts, index => index !== 1).after).toBe(
    AFTER.replace('total += n * 2', 'total += n')
  );
});

test('hunks can be decided in any order', () => {
  let texts: ITexts = { before: BEFORE, after: AFTER };
  texts = settle(texts, hunksOf(texts)[2], false);
  texts = settle(texts, hunksOf(texts)[0], true);
  expect(hunksOf(texts)).toHaveLength(1);
  texts = settle(texts, hunksOf(texts)[0], false);
  expect(texts.after).toBe(BEFORE.replace('import os', 'import os\nimport sys'));
  expect(texts.before).toBe(texts.after);
});

const EDGES = [
  ['', 'x'],
  ['x', ''],
  ['', '\n'],
  ['x\n', 'x'],
  ['x', 'x\ny\n'],
  ['y', 'x\ny'],
  ['a\nb\nc', 'b'],
  ['x\r\ny', 'x\ny\r'],
  ['🐼\nb', '🐻\nb\n🐼'],
  ['\n\nb', '\nb'],
  ['same', 'same']
];

test.each(EDGES)('taking all of %j → %j gives the one, leaving all the other', (before, after) => {
  const taken = decide({ before, after }, () => true);
  const left = decide({ before, after }, () => false);
  expect(taken).toEqual({ before: after, after });
  expect(left).toEqual({ before, after: before });
});

test('taking all or none works for any two texts, and hunks lie within them', () => {
  const random = generator(1);
  const text = () =>
    Array.from({ length: random(8) }, () => ['', 'a', 'b', 'a = 1', '    b'][random(5)]).join('\n');
  for (let run = 0; run < 500; run++) {
    const [before, after] = [text(), text()];
    expect(decide({ before, after }, () => true).before).toBe(after);
    expect(decide({ before, after }, () => false).after).toBe(before);
    for (const { fromA, fromB } of hunksOf({ before, after })) {
      expect(fromA).toBeLessThanOrEqual(before.length);
      expect(fromB).toBeLessThanOrEqual(after.length);
    }
  }
});

/** Whole numbers below a limit, the same ones in each run. */
function generator(seed: number): (limit: number) => number {
  let state = seed;
  return limit => {
    state = (state * 1103515245 + 12345) % 2147483648;
    return Math.floor((state / 2147483648) * limit);
  };
}
