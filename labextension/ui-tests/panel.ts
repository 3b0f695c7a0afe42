/** The side panel as a user works it. */

import { expect, type Locator, type Page } from '@playwright/test';

export const THEMES = ['JupyterLab Light', 'JupyterLab Dark', 'JupyterLab Dark High Contrast'];
export const LOAD = '%load_ext codeassist_jupyter';

/** Show the panel and wait until it can answer. */
export async function openPanel(page: Page): Promise<Locator> {
  const panel = page.locator('#codeassist-panel');
  await expect(async () => {
    if (!(await panel.isVisible())) {
      await page.getByRole('tab', { name: 'CodeAssist' }).click(); // hides it if it was just restored
    }
    await expect(panel).toBeVisible({ timeout: 2000 });
  }).toPass();
  await expect(panel.getByText('echo · ready')).toBeVisible();
  return panel;
}

/** Type a question and send it. */
export async function ask(panel: Locator, question: string): Promise<void> {
  await panel.getByRole('textbox', { name: 'Question' }).fill(question);
  await panel.getByRole('textbox', { name: 'Question' }).press('Enter');
}

/** The latest turn, once it is over. */
export async function lastAnswer(panel: Locator): Promise<Locator> {
  const turn = panel.locator('.jp-CodeAssist-turn').last();
  await expect(turn.getByText(/^echo · /)).toBeVisible();
  return turn;
}

/** Change JupyterLab's theme and wait until it is there. */
export async function useTheme(page: Page, theme: string): Promise<void> {
  await page.evaluate(
    name => (window as any).jupyterapp.commands.execute('apputils:change-theme', { theme: name }),
    theme
  );
  await expect(page.locator('body')).toHaveAttribute('data-jp-theme-name', theme);
  await expect(page.locator('#jupyterlab-splash')).toHaveCount(0); // it covers all
}
