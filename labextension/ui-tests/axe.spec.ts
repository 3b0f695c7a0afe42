/** axe finds nothing against WCAG 2.1 AA in the panel, in each theme and state. */

import { readFileSync } from 'node:fs';
import { expect, type Page, test } from '@playwright/test';
import { Lab, notebook } from './lab';
import { ask, lastAnswer, LOAD, openPanel, THEMES, useTheme } from './panel';

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];

const FEWEST_CONTRASTS = 4; // that are measured, or axe has not seen the panel's texts

const SECTION = `## Means by month

Take \`df\` and **group** it, *as before*; [the docs](https://docs.example/) tell of $\\bar x = \\frac{1}{n}\\sum x_i$.

\`\`\`python
@decorator
def monthly(df: pd.DataFrame, column="temp") -> dict[str, float]:  # by month
    """The mean of a column."""
    return {f"{month}": None if n == 0 else 1.5 * n for month, n in df.groupby(column) if not False}
\`\`\`

1. first
2. second
   - within

| month | mean |
|---|---|
| 1 | 2.5 |

> A quotation.`;

let lab: Lab;

test.beforeAll(async () => {
  lab = await Lab.echoing({ 'work.ipynb': notebook(LOAD, 'x = 1') }, [
    { match: 'stream', answer: SECTION + '\n\nword'.repeat(4000), delay_s: 0.05 },
    { match: 'fail', answer: 'Some words.', fail: { message: 'it broke', hint: 'Mend it', after: 1 } },
    { match: 'long', answer: Array(20).fill(SECTION).join('\n\n') },
    { match: '', answer: 'Nothing to say.' }
  ]);
});

test.afterAll(() => lab?.stop());

test('an empty panel, one that answers, fails, has answered at length, shows its panes', async ({ page }) => {
  await lab.open(page, 'work.ipynb');
  const panel = await openPanel(page);
  await page.evaluate(AXE);
  await expectNoViolations(page, 'empty');

  await ask(panel, 'stream');
  await expect(panel.locator('.jp-CodeAssist-answer table')).toBeVisible();
  await expectNoViolations(page, 'streaming');
  await panel.getByRole('button', { name: 'Stop' }).click();
  await lastAnswer(panel);

  await ask(panel, 'fail');
  await expect(panel.getByText('it broke')).toBeVisible();
  await expectNoViolations(page, 'error');

  await ask(panel, 'long');
  await lastAnswer(panel);
  await expectNoViolations(page, 'long answer');

  for (const pane of ['Settings', 'History', /^Context/]) {
    const button = panel.getByRole('button', { name: pane, exact: true });
    await button.click();
    await expect(button).toHaveAttribute('aria-expanded', 'true');
    await expect(panel.getByText('looking …')).toHaveCount(0);
    await expectNoViolations(page, String(pane));
  }
});

/** Let axe look at the panel in each theme. */
async function expectNoViolations(page: Page, state: string): Promise<void> {
  for (const theme of THEMES) {
    await useTheme(page, theme);
    const { violations, contrasts } = await page.evaluate(look, TAGS);
    expect.soft(violations, `${state}, ${theme}`).toEqual([]);
    expect(contrasts).toBeGreaterThan(FEWEST_CONTRASTS);
  }
}

/** In the page: what axe finds, and of how many texts it has measured the contrast. */
async function look(tags: string[]): Promise<{ violations: string[]; contrasts: number }> {
  document.body.style.overflow = 'visible'; // axe takes a body without height for one that hides all
  const { violations, passes } = await (window as any).axe.run('#codeassist-panel', { runOnly: tags });
  const told = violations.flatMap(({ id, nodes }: any) =>
    nodes.slice(0, 8).map(({ html, failureSummary }: any) => `${id}: ${html} ${failureSummary}`)
  );
  const measured = [...violations, ...passes].filter(({ id }) => id === 'color-contrast');
  return { violations: told, contrasts: measured.flatMap(({ nodes }) => nodes).length };
}
