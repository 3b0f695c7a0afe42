/** What is dragged into the composer: cells, files of JupyterLab's file browser, of the computer. */

import type { MimeData } from '@lumino/coreutils';
import { attachedText, cellsText, type IKeptCell, sourceText } from './attach';
import { firstLine } from './mentions';
import type { IAttachment } from './protocol';

const CELLS = 'application/vnd.jupyter.cells';
const PATHS = 'application/x-jupyter-icontents';

/** JupyterLab's own drag events, of Lumino; the browser's are others. */
interface IDrag extends Event {
  mimeData: MimeData;
  proposedAction: string;
  dropAction: string;
}

/** Take what is dropped on a node; gives what ends that. */
export function acceptDrops(
  node: HTMLElement,
  take: (coming: Promise<IAttachment>) => void,
  fromPath: (path: string) => Promise<IAttachment>
): () => void {
  const onDrag = (event: Event) => {
    const drag = event as IDrag;
    if (!drag.mimeData.hasData(CELLS) && !drag.mimeData.hasData(PATHS)) {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
    const isOver = event.type === 'lm-dragenter' || event.type === 'lm-dragover';
    node.classList.toggle('jp-mod-dropTarget', isOver);
    drag.dropAction = drag.proposedAction;
    if (event.type === 'lm-drop') {
      dropped(drag.mimeData, fromPath).forEach(take);
    }
  };
  const types = ['lm-dragenter', 'lm-dragover', 'lm-dragleave', 'lm-drop'];
  types.forEach(type => node.addEventListener(type, onDrag));
  return () => types.forEach(type => node.removeEventListener(type, onDrag));
}

function dropped(
  data: MimeData,
  fromPath: (path: string) => Promise<IAttachment>
): Promise<IAttachment>[] {
  if (data.hasData(PATHS)) {
    return (data.getData(PATHS) as string[]).map(fromPath);
  }
  const cells = data.getData(CELLS) as IKeptCell[];
  const [{ cell_type }] = cells;
  const [label, text] =
    cells.length === 1
      ? [`${String(cell_type)} cell: ${firstLine(sourceText(cells[0]))}`, sourceText(cells[0])]
      : [`${cells.length} cells`, cellsText(cells)];
  return [Promise.resolve().then(() => attachedText(label, text))];
}
