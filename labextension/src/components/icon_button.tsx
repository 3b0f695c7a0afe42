import type { LabIcon } from '@jupyterlab/ui-components';
import * as React from 'react';

interface IProps {
  icon: LabIcon;
  /** Its name; also shown when the pointer is on it, unless `hint` is. */
  label: string;
  act: () => void;
  hint?: string;
  disabled?: boolean;
  pressed?: boolean;
  node?: React.Ref<HTMLButtonElement>;
}

/** A button that shows an icon in place of its name. */
export function IconButton(props: IProps): JSX.Element {
  const { icon, label, act, hint, disabled, pressed, node } = props;
  return (
    <button
      ref={node}
      className="jp-CodeAssist-iconButton"
      aria-label={label}
      aria-pressed={pressed}
      title={hint ?? label}
      disabled={disabled}
      onClick={act}
    >
      <icon.react tag="span" aria-hidden="true" />
    </button>
  );
}
