import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from '@playwright/test';

export default defineConfig({
  outputDir: join(tmpdir(), 'codeassist-ui-tests'),
  workers: 1,
  timeout: 300_000, // the first start of a kernel and a host on two busy cores
  expect: { timeout: 120_000 },
  forbidOnly: true,
  use: {
    viewport: { width: 1200, height: 2000 }, // high enough that no cell scrolls away
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
    }
  },
  projects: [
    { name: 'tests', testMatch: '*.spec.ts' },
    { name: 'picture', testMatch: 'picture.ts' },
    { name: 'benchmark', testMatch: 'benchmark.ts' }
  ]
});
