/** What the panel says when there is no model, and what it does with more text than anybody reads. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@playwright/test';
import { Lab, notebook } from './lab';
import { ask, lastAnswer, LOAD, openPanel } from './panel';

const LONG_BYTES = 200_000;

test('without a model the panel says how to get one', async ({ page }) => {
  const home = mkdtempSync(join(tmpdir(), 'codeassist-home-'));
  const lab = await Lab.start(
    { 'work.ipynb': notebook(LOAD) },
    {
      CODEASSIST_HOME: home,
      CODEASSIST_MODELS_DIR: join(home, 'models'),
      CODEASSIST_ENGINE: 'llama_cpp'
    }
  );
  try {
    await lab.open(page, 'work.ipynb');
    await page.getByRole('tab', { name: 'CodeAssist' }).click();
    const panel = page.locator('#codeassist-panel');
    await ask(panel, 'how do I sum them?');
    await expect(panel.locator('.jp-CodeAssist-turn')).toContainText(/not there yet.*codeassist setup/);
    await expect(panel.getByRole('button', { name: 'Retry' })).toBeEnabled();
    await expect(panel.getByLabel('Question')).toBeEditable();
  } finally {
    await lab.stop();
    rmSync(home, { recursive: true, force: true });
  }
});

test('an answer of 200 kB is shown whole, and kept', async ({ page }) => {
  const part = `${'Words of an answer. '.repeat(50)}\n\n\`\`\`python\n${'x = 1\n'.repeat(150)}\`\`\`\n\n`;
  const answer = `${part.repeat(LONG_BYTES / part.length)}The end of it.`;
  const lab = await Lab.echoing({ 'work.ipynb': notebook(LOAD) }, [{ match: 'long', answer }], {
    CODEASSIST_CONTEXT_LENGTH: '100000',
    CODEASSIST_MAX_TOKENS: '90000'
  });
  try {
    await lab.open(page, 'work.ipynb');
    let panel = await openPanel(page);
    await ask(panel, 'long');
    await expect(await lastAnswer(panel)).toContainText('The end of it.');
    await panel.getByLabel('Question').fill('and now?');
    await expect(panel.getByRole('button', { name: 'Send' })).toBeEnabled();
    await lab.open(page, 'work.ipynb');
    panel = await openPanel(page);
    await expect(panel.getByText('The end of it.')).toBeVisible();
  } finally {
    await lab.stop();
  }
});
