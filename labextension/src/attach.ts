/** What a question can bring along as text: files, cells, pasted text; and how much of it. */

import type { IAttachment, ICarried } from './protocol';

export const MOST_PASTED = 20_000; // characters; a longer text is attached, not typed
const MOST_BYTES = 100_000; // of one attachment
const MOST_SENT = 250_000; // bytes of question and attachments; a message has 256 kB

/** It cannot be attached or sent; the message says why, in a sentence for the user. */
export class NotSent extends Error {}

/** A file of the user's computer; NotSent if it is no text or too large. */
export async function attachedFile(file: File): Promise<IAttachment> {
  checkSize(file.name, file.size);
  const bytes = await file.arrayBuffer();
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw notText(file.name);
  }
  return attachedText(file.name, text);
}

/** A text under a name; NotSent if it is too large, empty or binary. */
export function attachedText(label: string, text: string): IAttachment {
  checkSize(label, new TextEncoder().encode(text).length);
  if (text.includes('\0')) {
    throw notText(label);
  }
  if (!text.trim()) {
    throw new NotSent(`“${label}” is empty.`);
  }
  return { label, text };
}

/** A cell as notebooks keep it, as far as it is read here. */
export interface IKeptCell {
  cell_type?: unknown;
  source?: unknown;
}

export function sourceText({ source }: IKeptCell): string {
  return Array.isArray(source) ? source.join('') : String(source ?? '');
}

/** Cells as one text, in the percent format. */
export function cellsText(cells: readonly IKeptCell[]): string {
  const mark = ({ cell_type }: IKeptCell) => (cell_type === 'code' ? '' : ` [${String(cell_type)}]`);
  return cells.map(cell => `# %%${mark(cell)}\n${sourceText(cell)}`).join('\n\n');
}

/** Refuse by NotSent, before anything is read, what is too large. */
export function checkSize(label: string, bytes: number): void {
  if (bytes > MOST_BYTES) {
    const size = Math.ceil(bytes / 1000);
    throw new NotSent(
      `“${label}” has ${size} kB; at most ${MOST_BYTES / 1000} kB can be attached. ` +
        'Read it into a variable and mention that.'
    );
  }
}

/** Refuse by NotSent a question that does not fit into a message with what it carries. */
export function checkWhole(question: string, carried: ICarried): void {
  const json = JSON.stringify([question, carried]);
  const escaped = json.match(/[^\0-\x7f]/g)?.length ?? 0; // each takes six bytes there
  const bytes = json.length + 5 * escaped;
  if (bytes > MOST_SENT) {
    throw new NotSent(
      `The question and what it carries have ${Math.ceil(bytes / 1000)} kB; ` +
        `${MOST_SENT / 1000} kB at most can be sent. Remove an attachment.`
    );
  }
}

function notText(label: string): NotSent {
  return new NotSent(`“${label}” is not a text file; only text can be attached.`);
}
