import * as React from 'react';
import { attachedFile } from '../attach';
import type { Cells } from '../cells';
import type { Draft } from '../draft';
import { acceptDrops } from '../drops';
import { typedMention } from '../mentions';
import type { ChatModel } from '../model';
import type { Preferences } from '../preferences';
import type { IAttachment } from '../protocol';
import { type IPlace, type IResults, submit } from '../submit';
import { Chips } from './chips';
import { Completions, type ICompletions, useCompletions } from './completions';
import { Results } from './results';
import { Suggestions } from './suggestions';
import { useSignal } from './use_signal';
import { Waiting } from './waiting';

export interface IComposerProps {
  model: ChatModel;
  cells: Cells;
  draft: Draft;
  preferences: Preferences;
  /** A file of the server as it can be attached; rejects with NotSent. */
  readFile: (path: string) => Promise<IAttachment>;
  openPlace: (place: IPlace) => void;
}

const LIST = 'jp-CodeAssist-completions';
const PAUSE_MS = 300; // after a key, before mentions are looked up

/** Where a question is written, what it brings along, and the buttons to send and stop. */
export function Composer(props: IComposerProps): JSX.Element {
  const { model, cells, draft, preferences, readFile } = props;
  const [results, setResults] = React.useState<IResults>();
  const [isFocused, setFocused] = React.useState(false);
  const area = React.useRef<HTMLTextAreaElement>(null);
  const whole = React.useRef<HTMLDivElement>(null);
  useSignal(draft.changed);
  useSignal(preferences.changed);
  useArea(area, draft);
  useLookUp(draft);
  React.useEffect(
    () => whole.current ? acceptDrops(whole.current, coming => void draft.attach(coming), readFile) : undefined,
    [draft, readFile]
  );
  const completions = useCompletions(model, draft, cells);
  const focus = () => area.current?.focus();
  const send = () => {
    focus();
    void submit(draft, model, cells).then(found => found && setResults(found));
  };
  const take = (text: string) => {
    draft.write(text);
    focus();
  };
  const closeResults = () => {
    setResults(undefined);
    focus();
  };
  const isOpen = isFocused && completions.choices.length > 0;
  const stops = model.isRunning && !isOpen ? ' jp-mod-stops' : ''; // then Escape does, see the schema

  return (
    <div
      className={`jp-CodeAssist-composer${stops}`}
      ref={whole}
      onDragOver={event => event.dataTransfer.types.includes('Files') && event.preventDefault()}
      onDrop={event => attachFiles(draft, event.dataTransfer, event)}
      onPaste={event => onPaste(draft, event)}
    >
      {results && <Results results={results} open={props.openPlace} close={closeResults} />}
      {preferences.suggestions && <Suggestions model={model} cells={cells} take={take} />}
      <Waiting
        model={model}
        takeBack={turn => {
          draft.takeBack(turn);
          focus();
        }}
      />
      <Chips draft={draft} focus={focus} />
      {draft.problem && (
        <p className="jp-CodeAssist-error" role="alert">
          {draft.problem}
        </p>
      )}
      <div className="jp-CodeAssist-field">
        {isOpen && <Completions id={LIST} completions={completions} />}
        <textarea
          ref={area}
          aria-label="Question"
          aria-autocomplete="list"
          {...(isOpen ? openPopup(completions) : {})}
          placeholder={placeholder(preferences.enterSends)}
          rows={2}
          value={draft.text}
          onChange={({ target }) => draft.write(target.value, target.selectionEnd)}
          onSelect={({ currentTarget: { value, selectionEnd } }) => {
            if (value === draft.text) {
              draft.moveTo(selectionEnd); // else it is of a text that is not shown any more
            }
          }}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
          onKeyDown={event => {
            const done = onKey(event, completions, draft, preferences, send, results && closeResults);
            if (done) {
              event.preventDefault();
              event.stopPropagation();
            }
          }}
        />
      </div>
      <Buttons {...props} send={send} focus={focus} />
    </div>
  );
}

/** Do what a key does; false where that is up to the text area. */
function onKey(
  event: React.KeyboardEvent,
  { choices, active, move, close }: ICompletions,
  draft: Draft,
  { enterSends }: Preferences,
  send: () => void,
  closeResults: (() => void) | undefined
): boolean {
  const { key, shiftKey } = event;
  if (event.nativeEvent.isComposing) {
    return false; // the keys belong to the input method
  }
  const withCtrl = event.ctrlKey || event.metaKey;
  if (choices.length > 0 && !withCtrl && !shiftKey) {
    const actions: Record<string, () => void> = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(-1),
      Enter: choices[active].accept,
      Tab: choices[active].accept,
      Escape: close
    };
    actions[key]?.();
    return key in actions;
  }
  if (key === 'Enter' && !shiftKey && (enterSends || withCtrl)) {
    send();
    return true;
  }
  if (key === 'Escape' && closeResults) {
    closeResults();
    return true;
  }
  return key === 'ArrowUp' && draft.recall();
}

function Buttons(
  props: IComposerProps & { send: () => void; focus: () => void }
): JSX.Element {
  const { model, cells, draft, send, focus } = props;
  const files = React.useRef<HTMLInputElement>(null);
  const mentionCell = () => {
    const selected = cells.selected();
    if (selected) {
      draft.insert(`@cell:${selected.place}`);
    } else {
      draft.refuse('No cell is selected; select one in the notebook.');
    }
    focus();
  };
  return (
    <div className="jp-CodeAssist-actions">
      <button onClick={mentionCell}>Add selected cell</button>
      <button onClick={() => files.current?.click()}>Attach files</button>
      <input
        ref={files}
        type="file"
        multiple
        hidden
        onChange={({ target }) => {
          attach(draft, target.files);
          target.value = ''; // the same file may be chosen again
          focus();
        }}
      />
      <span className="jp-CodeAssist-gap" />
      {model.isRunning && (
        <button
          className="jp-CodeAssist-stop"
          onClick={() => {
            model.stop();
            focus();
          }}
        >
          Stop
        </button>
      )}
      <button className="jp-CodeAssist-send" disabled={!draft.text.trim()} onClick={send}>
        Send
      </button>
    </div>
  );
}

/** The text area is as high as its text, and its cursor is where the draft says. */
function useArea(area: React.RefObject<HTMLTextAreaElement>, draft: Draft): void {
  const { text, caret } = draft;
  React.useLayoutEffect(() => {
    const node = area.current;
    if (node !== null) {
      node.style.height = 'auto';
      node.style.height = `${node.scrollHeight + node.offsetHeight - node.clientHeight}px`;
    }
  }, [area, text]);
  React.useLayoutEffect(() => {
    if (area.current !== null && area.current.selectionEnd !== caret) {
      area.current.setSelectionRange(caret, caret);
    }
  }, [area, text, caret]);
}

/** Find what the text mentions, though it was not chosen among completions. */
function useLookUp(draft: Draft): void {
  const { text } = draft;
  React.useEffect(() => {
    const timer = setTimeout(() => {
      if (typedMention(draft.text, draft.caret) === undefined) {
        void draft.lookUp();
      }
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [draft, text]);
}

/** What tells a screen reader of the popup; without one, the text area is only that. */
function openPopup({ active }: ICompletions): React.AriaAttributes & { role: string } {
  return {
    role: 'combobox',
    'aria-expanded': true,
    'aria-controls': LIST,
    'aria-activedescendant': `${LIST}-${active}`
  };
}

function placeholder(enterSends: boolean): string {
  const keys = enterSends
    ? 'Enter sends, Shift+Enter makes a new line.'
    : 'Ctrl+Enter sends, Enter makes a new line.';
  return `Ask about this notebook; / for commands, @ to mention. ${keys}`;
}

function onPaste(draft: Draft, event: React.ClipboardEvent): void {
  const text = event.clipboardData.getData('text/plain');
  if (!text) {
    attachFiles(draft, event.clipboardData, event);
  } else if (draft.paste(text)) {
    event.preventDefault();
  }
}

/** Attach the files that an event brings; the browser would show them instead. */
function attachFiles(draft: Draft, { files }: DataTransfer, event: React.SyntheticEvent): void {
  if (files.length > 0) {
    event.preventDefault();
    attach(draft, files);
  }
}

function attach(draft: Draft, files: FileList | null): void {
  for (const file of Array.from(files ?? [])) {
    void draft.attach(attachedFile(file));
  }
}
