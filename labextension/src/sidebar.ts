import type { ILabShell } from '@jupyterlab/application';
import { DockPanel, PanelLayout, Widget } from '@lumino/widgets';
import type { IMovable } from './components/connection';
import { icon } from './icon';
import type { ChatPanel, IServices } from './panel';

/** The tab of the panel, in the sidebar or the main area; loads the panel when it is first shown. */
export class Sidebar extends Widget implements IMovable {
  /** `shell` is JupyterLab's; null where the panel cannot be moved. */
  constructor(
    private readonly services: Omit<IServices, 'version' | 'view'>,
    private readonly shell: ILabShell | null
  ) {
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

  get canMove(): boolean {
    return this.shell !== null;
  }

  get inMain(): boolean {
    return this.parent instanceof DockPanel;
  }

  /** To the main area beside the last active notebook, or back to the sidebar. */
  move(): void {
    if (this.inMain) {
      this.shell?.add(this, 'right');
    } else {
      const ref = this.services.tracker.currentWidget?.id;
      this.shell?.add(this, 'main', { mode: 'split-right', ref });
    }
    this.shell?.activateById(this.id);
  }

  protected onAfterAttach(): void {
    this.title.label = this.inMain ? 'CodeAssist' : '';
    this.title.closable = this.inMain;
    this.onAfterShow();
  }

  protected onAfterShow(): void {
    if (this.isVisible) {
      void this.panel();
    }
  }

  /** Closed in the main area, it goes back to the sidebar. */
  protected onCloseRequest(): void {
    this.shell?.add(this, 'right');
  }

  private async _load(): Promise<ChatPanel> {
    const { ChatPanel } = await import('./panel');
    const { version } = await import('../package.json');
    const panel = new ChatPanel({ ...this.services, version, view: this });
    (this.layout as PanelLayout).addWidget(panel);
    return panel;
  }

  private _panel: Promise<ChatPanel> | undefined;
}
