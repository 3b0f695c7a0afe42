import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

/** The one plugin of this extension; it only registers itself, the panel comes later. */
const plugin: JupyterFrontEndPlugin<void> = {
  id: 'codeassist-jupyter:plugin',
  description: 'CodeAssist: a private, local coding assistant for notebooks.',
  autoStart: true,
  activate: () => undefined
};

export default plugin;
