import { editIcon } from '@jupyterlab/ui-components';
import * as React from 'react';
import type { ChatModel } from '../model';
import type { ITurn } from '../turns';
import { IconButton } from './icon_button';
import { useSignal } from './use_signal';

interface IProps {
  turn: ITurn;
  model: ChatModel;
  /** Whether it is near what is seen. */
  isNear: boolean;
}

/** What was asked; it can be edited and asked again, in place of what came after it. */
export function Question({ turn, model, isNear }: IProps): JSX.Element {
  const [isEdited, setEdited] = React.useState(false);
  const edit = React.useRef<HTMLButtonElement>(null);
  const wasEdited = React.useRef(false);
  React.useEffect(() => {
    if (wasEdited.current && !isEdited) {
      edit.current?.focus();
    }
    wasEdited.current = isEdited;
  }, [isEdited]);
  if (isEdited) {
    return <Editor turn={turn} model={model} close={() => setEdited(false)} />;
  }
  return (
    <div className="jp-CodeAssist-question">
      <div className="jp-CodeAssist-asked">
        {turn.question}
        {turn.carried.attachments.map(({ label }) => (
          <span key={label} className="jp-CodeAssist-attached">
            {label}
          </span>
        ))}
      </div>
      {isNear && !turn.fix && turn.state !== 'queued' && (
        <IconButton
          icon={editIcon}
          label="Edit and ask again"
          node={edit}
          act={() => setEdited(true)}
        />
      )}
    </div>
  );
}

function Editor(props: { turn: ITurn; model: ChatModel; close: () => void }): JSX.Element {
  const { turn, model, close } = props;
  const [text, setText] = React.useState(turn.question);
  useSignal(model.changed);
  const usable = !model.isRunning && text.trim() !== '';
  const save = () => {
    if (usable) {
      close();
      model.rewrite(turn, text.trim());
    }
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === 'Escape') {
      close();
    } else if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      save();
    }
  };
  return (
    <div className="jp-CodeAssist-editor" data-lm-suppress-shortcuts="true">
      <textarea
        aria-label="Edited"
        autoFocus
        rows={Math.min(10, text.split('\n').length + 1)}
        value={text}
        onChange={event => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <p className="jp-CodeAssist-note">The turns after this one are taken back.</p>
      <div className="jp-CodeAssist-actions">
        <button disabled={!usable} onClick={save}>
          Save and ask
        </button>
        <button onClick={close}>Cancel</button>
      </div>
    </div>
  );
}
