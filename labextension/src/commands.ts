/** All commands of the extension; their shortcuts stand in `schema/plugin.json`. */

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { ChatPanel } from './panel';
import type { Sidebar } from './sidebar';

const CATEGORY = 'CodeAssist';

export function addCommands(
  app: JupyterFrontEnd,
  sidebar: Sidebar,
  palette: ICommandPalette | null
): void {
  const { commands, shell } = app;
  const add = (id: string, label: string, run: (panel: ChatPanel) => void) => {
    commands.addCommand(id, {
      label,
      execute: async () => {
        shell.activateById(sidebar.id);
        run(await sidebar.panel());
      }
    });
    palette?.addItem({ command: id, category: CATEGORY });
  };
  add('codeassist:open-panel', 'Open the CodeAssist panel', panel => panel.focusComposer());
  add('codeassist:new-chat', 'New CodeAssist chat', panel => void panel.model.begin());
  add('codeassist:explain-cell', 'Explain the selected cell', panel => panel.explainCell());
  add('codeassist:stop', 'Stop the CodeAssist answer', panel => panel.model.stop());
  if (sidebar.canMove) {
    commands.addCommand('codeassist:move-panel', {
      label: () => `Move the CodeAssist panel to the ${sidebar.inMain ? 'sidebar' : 'main area'}`,
      execute: () => sidebar.move()
    });
    palette?.addItem({ command: 'codeassist:move-panel', category: CATEGORY });
  }
}
