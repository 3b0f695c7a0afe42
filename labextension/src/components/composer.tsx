import * as React from 'react';
import type { ChatModel } from '../model';
import type { IAttachment, ICarried, IEvents } from '../protocol';

interface IProps {
  model: ChatModel;
  /** The selected cell as it can be brought along; undefined if there is none. */
  selectedCell: () => IAttachment | undefined;
}

/** The question, what it brings along, and the buttons to send and stop. */
export function Composer({ model, selectedCell }: IProps): JSX.Element {
  const [text, setText] = React.useState('');
  const [useContext, setUseContext] = React.useState(true);
  const [withCell, setWithCell] = React.useState(false);
  const running = model.isRunning;

  const attachments = (): IAttachment[] => {
    const cell = withCell ? selectedCell() : undefined;
    return cell ? [cell] : [];
  };
  const carried = (): ICarried => ({
    without: useContext ? [] : ['cells', 'variables', 'sources', 'chat'],
    attachments: attachments(),
    mentions: []
  });
  const send = () => {
    if (text.trim() && !running) {
      model.ask(text.trim(), carried());
      setText('');
    }
  };
  const onKeyDown = (event: React.KeyboardEvent) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.nativeEvent.isComposing) {
      event.preventDefault();
      send();
    }
  };

  return (
    <div className="jp-CodeAssist-composer">
      <textarea
        aria-label="Question"
        placeholder="Ask about this notebook. Enter sends, Shift+Enter makes a new line."
        rows={3}
        value={text}
        onChange={event => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="jp-CodeAssist-actions">
        <label>
          <input
            type="checkbox"
            checked={useContext}
            onChange={event => setUseContext(event.target.checked)}
          />
          Notebook
        </label>
        <label>
          <input
            type="checkbox"
            checked={withCell}
            onChange={event => setWithCell(event.target.checked)}
          />
          Selected cell
        </label>
        <span className="jp-CodeAssist-gap" />
        {running ? (
          <button className="jp-CodeAssist-stop" onClick={() => model.stop()}>
            Stop
          </button>
        ) : (
          <button className="jp-CodeAssist-send" disabled={!text.trim()} onClick={send}>
            Send
          </button>
        )}
      </div>
      {useContext && <Carried model={model} question={text} carried={carried} />}
    </div>
  );
}

/** What the next question would carry, looked up when the user opens it. */
function Carried(props: {
  model: ChatModel;
  question: string;
  carried: () => ICarried;
}): JSX.Element {
  const { model, question, carried } = props;
  const [found, setFound] = React.useState<IEvents['context'] | string>('looking …');
  const look = (event: React.SyntheticEvent<HTMLDetailsElement>) => {
    if (event.currentTarget.open) {
      setFound('looking …');
      model.link
        .fetch('context', { question, ...carried() }, 'context')
        .then(setFound, error => setFound(error.message));
    }
  };
  return (
    <details className="jp-CodeAssist-carried" onToggle={look}>
      <summary>What this question carries</summary>
      {typeof found === 'string' ? (
        <p className="jp-CodeAssist-note">{found}</p>
      ) : (
        <table>
          <tbody>
            {found.parts.map(({ name, tokens, detail }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{tokens} tokens</td>
                <td>{detail}</td>
              </tr>
            ))}
            {found.left_out.map(what => (
              <tr key={what}>
                <th scope="row">left out</th>
                <td />
                <td>{what}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </details>
  );
}
