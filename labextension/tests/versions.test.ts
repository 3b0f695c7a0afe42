/** Which side of two versions is told to upgrade. */

import { advice } from '../src/versions';

test.each([
  ['0.1.0', '0.1.0'],
  ['0.2.0-rc.1', '0.2.0rc1'],
  ['0.2.0-alpha.3', '0.2.0a3'],
  ['0.2.0-dev.4', '0.2.0.dev4'],
  ['0.2.0-rc.1.dev.2', '0.2.0rc1.dev2'],
  ['0.1.0', '0.1.0+local.1']
])('%s is %s', (panel, kernel) => expect(advice(panel, kernel)).toBe(''));

test.each([
  ['0.1.0', '0.1.1'],
  ['0.9.0', '0.10.0'],
  ['0.2.0-rc.1', '0.2.0'],
  ['0.2.0-dev.4', '0.2.0a1'],
  ['0.2.0-alpha.3', '0.2.0b1'],
  ['0.2.0-rc.1', '0.2.0rc2'],
  ['0.2.0-rc.1.dev.2', '0.2.0rc1'],
  ['0.2.0-dev.1', '0.2.0.dev2']
])('%s is older than %s', (older, newer) => {
  expect(advice(older, newer)).toContain("upgrade codeassist-jupyter in JupyterLab's environment");
  expect(advice(newer, older)).toContain("upgrade codeassist-jupyter in the kernel's environment");
});

test('a version that cannot be read is taken for the older one', () => {
  expect(advice('0.1.0', 'unknown')).toContain("the kernel's environment");
});
