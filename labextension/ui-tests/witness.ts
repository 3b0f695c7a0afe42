/** Notes what an answer must never bring about: a request elsewhere, a dialog, a command, an error. */

import { expect, type Page } from '@playwright/test';

/** What happens in a page from when this is made until `expectNothing`. */
export class Witness {
  private readonly seen: string[] = [];

  constructor(
    private readonly page: Page,
    private readonly server: string
  ) {
    page.on('request', request => this.note('request', request.url()));
    page.on('websocket', socket => this.note('socket', socket.url()));
    page.on('popup', popup => this.seen.push(`popup ${popup.url()}`));
    page.on('download', download => this.seen.push(`download ${download.url()}`));
    page.on('dialog', dialog => {
      if (dialog.type() === 'beforeunload') {
        void dialog.accept(); // the test leaves a notebook that is not saved
      } else {
        this.seen.push(`dialog ${dialog.message()}`);
        void dialog.dismiss();
      }
    });
    page.on('pageerror', error => this.seen.push(`error ${error}`));
  }

  async expectNothing(): Promise<void> {
    await expect(this.page).not.toHaveTitle(/owned/);
    expect(this.seen).toEqual([]);
  }

  private note(kind: string, url: string): void {
    const { host } = new URL(this.server);
    if (/beacon/.test(url) || (!/^(?:data|blob):/.test(url) && new URL(url).host !== host)) {
      this.seen.push(`${kind} ${url}`);
    }
  }
}
