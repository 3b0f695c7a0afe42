import {
  ILabShell,
  ILayoutRestorer,
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { INotebookTracker } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { addCommands } from './commands';
import { addErrorButton } from './error_button';
import { Sidebar } from './sidebar';

const RANK = 900; // below JupyterLab's own tabs

/** The one plugin of this extension; the panel's own code is loaded when it is first shown. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'codeassist-jupyter:plugin',
  description: 'CodeAssist: a private, local coding assistant for notebooks.',
  autoStart: true,
  requires: [INotebookTracker, IRenderMimeRegistry, IDocumentManager],
  optional: [ICommandPalette, ILayoutRestorer, ILabShell, IDefaultFileBrowser, ISettingRegistry],
  activate: (
    app: JupyterFrontEnd,
    tracker: INotebookTracker,
    rendermime: IRenderMimeRegistry,
    documents: IDocumentManager,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null,
    shell: ILabShell | null,
    files: IDefaultFileBrowser | null,
    settings: ISettingRegistry | null
  ) => {
    const { serviceManager: manager } = app;
    const sidebar = new Sidebar({ tracker, rendermime, documents, files, settings, manager }, shell);
    app.shell.add(sidebar, 'right', { rank: RANK });
    restorer?.add(sidebar, sidebar.id);
    addCommands(app, sidebar, palette);
    addErrorButton(rendermime, tracker, async (notebook, cell) => {
      app.shell.activateById(notebook.id); // the panel is about the current notebook
      app.shell.activateById(sidebar.id);
      (await sidebar.panel()).model.fix(cell);
    });
  }
};

export default plugin;
