/** All commands of the extension; their shortcuts stand in `schema/plugin.json`. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { ChatPanel } from './panel';
import type { Sidebar } from './sidebar';
import type { CellCommand } from './slash';

const CATEGORY = 'CodeAssist';

/** id, label, and what it asks about the selected cell. */
const ABOUT_CELL: [string, string, CellCommand][] = [
  ['codeassist:explain-cell', 'Explain the cell', 'explain'],
  ['codeassist:fix-cell', 'Explain and fix the error', 'fix'],
  ['codeassist:improve-cell', 'Improve the cell', 'improve'],
  ['codeassist:document-cell', 'Document the cell', 'doc'],
  ['codeassist:test-cell', 'Write tests for the cell', 'test']
];

export function addCommands(
  app: JupyterFrontEnd,
  sidebar: Sidebar,
  palette: ICommandPalette | null
): void {
  const { commands, shell } = app;
  const add = (id: string, label: string, run: (panel: ChatPanel, cell?: HTMLElement) => void) => {
    commands.addCommand(id, {
      label,
      execute: async args => {
        const isCell = (node: HTMLElement) => node.classList.contains('jp-Cell');
        const cell = args.inMenu ? app.contextMenuHitTest(isCell) : undefined;
        shell.activateById(sidebar.id);
        run(await sidebar.panel(), cell);
      }
    });
    palette?.addItem({ command: id, category: CATEGORY });
  };
  add('codeassist:open-panel', 'Open the CodeAssist panel', panel => panel.focusComposer());
  add('codeassist:focus-composer', 'Write a question to CodeAssist', panel => panel.focusComposer());
  add('codeassist:new-chat', 'New CodeAssist chat', panel => void panel.model.begin());
  add('codeassist:stop', 'Stop the CodeAssist answer', panel => panel.model.stop());
  for (const [id, label, name] of ABOUT_CELL) {
    add(id, `CodeAssist: ${label}`, (panel, cell) => panel.askAboutCell(name, cell));
  }
  if (sidebar.canMove) {
    commands.addCommand('codeassist:move-panel', {
      label: () => `Move the CodeAssist panel to the ${sidebar.inMain ? 'sidebar' : 'main area'}`,
      execute: () => sidebar.move()
    });
    palette?.addItem({ command: 'codeassist:move-panel', category: CATEGORY });
  }
}
