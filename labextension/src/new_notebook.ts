/** Where code of an answer goes while no notebook is open. */

import { Clipboard, Dialog, showDialog } from '@jupyterlab/apputils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import { UUID } from '@lumino/coreutils';
import { pythonSpec } from './own_kernel';

/** Let the user choose: copy the code, or put it into a new notebook of that folder. */
export async function offerNotebook(
  code: string,
  folder: string,
  documents: IDocumentManager
): Promise<void> {
  const copy = Dialog.createButton({ label: 'Copy' });
  const { button } = await showDialog({
    title: 'There is no open notebook.',
    body: 'The code can be copied, or put into a new notebook. Nothing is run.',
    buttons: [Dialog.cancelButton(), copy, Dialog.okButton({ label: 'New notebook' })]
  });
  if (button.label === copy.label) {
    Clipboard.copyToSystem(code);
  } else if (button.accept) {
    await openWith(code, folder, documents);
  }
}

async function openWith(code: string, folder: string, documents: IDocumentManager): Promise<void> {
  const { contents, kernelspecs } = documents.services;
  const { path } = await contents.newUntitled({ path: folder, type: 'notebook' });
  const cell = {
    cell_type: 'code',
    execution_count: null,
    id: UUID.uuid4(),
    metadata: {},
    outputs: [],
    source: code
  };
  const name = pythonSpec(kernelspecs.specs);
  const kernelspec = { name, display_name: kernelspecs.specs?.kernelspecs[name ?? '']?.display_name };
  const metadata = name ? { kernelspec } : {};
  const content = { cells: [cell], metadata, nbformat: 4, nbformat_minor: 5 };
  await contents.save(path, { type: 'notebook', format: 'json', content });
  documents.openOrReveal(path);
}
