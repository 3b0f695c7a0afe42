/** What the user has set for the panel in JupyterLab's settings; they stand in `schema/plugin.json`. */

import type { ISettingRegistry } from '@jupyterlab/settingregistry';
import { type ISignal, Signal } from '@lumino/signaling';

const PLUGIN = 'codeassist-jupyter:plugin';

export class Preferences {
  /** Without a registry, as in front ends that have none, the defaults hold. */
  constructor(registry: ISettingRegistry | null) {
    void registry?.load(PLUGIN).then(
      settings => {
        settings.changed.connect(this._take, this);
        this._take(settings);
      },
      () => undefined // the schema is not there: an administrator has disabled it
    );
  }

  /** Whether Enter sends a question; else Ctrl+Enter does. */
  get enterSends(): boolean {
    return this._enterSends;
  }

  /** Whether prompts are suggested. */
  get suggestions(): boolean {
    return this._suggestions;
  }

  get changed(): ISignal<this, void> {
    return this._changed;
  }

  private _take(settings: ISettingRegistry.ISettings): void {
    this._enterSends = settings.composite.sendWith !== 'Ctrl+Enter';
    this._suggestions = settings.composite.suggestions !== false;
    this._changed.emit();
  }

  private _enterSends = true;
  private _suggestions = true;
  private readonly _changed = new Signal<this, void>(this);
}
