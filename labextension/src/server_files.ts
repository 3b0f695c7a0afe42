/** Files of the server as a question can bring them along. */

import { type Contents, ServerConnection } from '@jupyterlab/services';
import { attachedText, cellsText, checkSize, type IKeptCell, NotSent } from './attach';
import type { IAttachment } from './protocol';

/** Read a text file or a notebook's cells; rejects with NotSent that says why it cannot be. */
export async function readServerFile(
  contents: Contents.IManager,
  path: string
): Promise<IAttachment> {
  const label = contents.localPath(path);
  try {
    const { type, size } = await contents.get(path, { content: false });
    if (type === 'directory') {
      throw new NotSent(`“${label}” is a folder; drag the files that are meant.`);
    }
    if (type === 'notebook') {
      const { content } = await contents.get(path);
      return attachedText(label, cellsText(content.cells as IKeptCell[]));
    }
    checkSize(label, size ?? 0);
    const { content } = await contents.get(path, { type: 'file', format: 'text', content: true });
    return attachedText(label, content as string);
  } catch (error) {
    if (error instanceof ServerConnection.ResponseError) {
      throw new NotSent(`“${label}” cannot be read as text: ${error.message}`);
    }
    throw error;
  }
}
