import * as React from 'react';
import type { Draft } from '../draft';

/** What the question brings along, each with a button that removes it. */
export function Chips({ draft, focus }: { draft: Draft; focus: () => void }): JSX.Element | null {
  const mentions = draft.mentions().map(mention => ({
    key: mention.name,
    label: `@${mention.name}`,
    detail: mention.detail,
    remove: () => draft.unmention(mention)
  }));
  const attached = draft.attachments.map((attachment, index) => ({
    key: String(index),
    label: attachment.label,
    detail: `${attachment.text.length} characters`,
    remove: () => draft.detach(attachment)
  }));
  const chips = [...mentions, ...attached];
  return chips.length === 0 ? null : (
    <ul className="jp-CodeAssist-chips" aria-label="Brought along">
      {chips.map(({ key, label, detail, remove }) => (
        <li key={key} title={detail}>
          {label}
          <button
            aria-label={`Do not carry ${label}`}
            onClick={() => {
              remove();
              focus();
            }}
          >
            ×
          </button>
        </li>
      ))}
    </ul>
  );
}
