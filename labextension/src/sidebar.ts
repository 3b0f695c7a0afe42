import { PanelLayout, Widget } from '@lumino/widgets';
import { icon } from './icon';
import type { ChatPanel, IServices } from './panel';

/** The tab of the panel; loads the panel itself when it is first shown. */
export class Sidebar extends Widget {
  constructor(private readonly services: Omit<IServices, 'version'>) {
    super();
    this.id = 'codeassist-panel';
    this.addClass('jp-CodeAssist');
    this.title.icon = icon;
    this.title.caption = 'CodeAssist';
    this.layout = new PanelLayout();
  }

  /** The panel, loaded if need be. */
  panel(): Promise<ChatPanel> {
    this._panel ??= this._load();
    return this._panel;
  }

  protected onAfterShow(): void {
    void this.panel();
  }

  private async _load(): Promise<ChatPanel> {
    const { ChatPanel } = await import('./panel');
    const { version } = await import('../package.json');
    const panel = new ChatPanel({ ...this.services, version });
    (this.layout as PanelLayout).addWidget(panel);
    return panel;
  }

  private _panel: Promise<ChatPanel> | undefined;
}
