import * as React from 'react';
import { said } from '../kernel';
import type { ChatModel } from '../model';
import type { ISetting } from '../protocol';

/** The settings that hold for this kernel. */
export function Settings({ model }: { model: ChatModel }): JSX.Element {
  const [values, setValues] = React.useState<readonly ISetting[] | string>('looking …');
  React.useEffect(() => {
    model.link.fetch('settings', {}, 'settings').then(
      ({ values }) => setValues(values),
      (error: Error) => setValues(error.message)
    );
  }, [model]);
  const set = async (name: string, value: string) => {
    setValues((await model.link.fetch('set', { name, value }, 'settings')).values);
  };
  return (
    <div className="jp-CodeAssist-pane">
      <h3>Settings of this kernel</h3>
      {typeof values === 'string' ? (
        <p className="jp-CodeAssist-note">{values}</p>
      ) : (
        values.map(setting => <Field key={setting.name} setting={setting} set={set} />)
      )}
    </div>
  );
}

interface IFieldProps {
  setting: ISetting;
  set: (name: string, value: string) => Promise<void>;
}

/** One setting; what is typed is set by Enter or when the field is left. */
function Field({ setting, set }: IFieldProps): JSX.Element {
  const { name, value, choices, origin, about } = setting;
  const id = React.useId();
  const [typed, setTyped] = React.useState(value);
  const [problem, setProblem] = React.useState('');
  React.useEffect(() => setTyped(value), [value]);
  const keep = async (wanted: string) => {
    try {
      if (wanted !== value) {
        await set(name, wanted);
      }
      setProblem('');
    } catch (error) {
      setProblem(said(error));
    }
  };
  const shared = {
    id,
    'aria-describedby': `${id}-about`,
    'aria-invalid': problem !== ''
  };
  return (
    <div className="jp-CodeAssist-setting">
      <label htmlFor={id}>{name}</label>
      {choices.length > 0 ? (
        <select {...shared} value={value} onChange={event => void keep(event.target.value)}>
          {choices.map(choice => (
            <option key={choice}>{choice}</option>
          ))}
        </select>
      ) : (
        <input
          {...shared}
          value={typed}
          onChange={event => setTyped(event.target.value)}
          onBlur={() => void keep(typed)}
          onKeyDown={event => event.key === 'Enter' && void keep(typed)}
        />
      )}
      <div id={`${id}-about`}>
        <p className="jp-CodeAssist-note">
          {about} Origin: {origin || 'default'}.
        </p>
        {problem && (
          <p className="jp-CodeAssist-error" role="alert">
            {problem}
          </p>
        )}
      </div>
    </div>
  );
}
