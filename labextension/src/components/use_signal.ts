import type { ISignal } from '@lumino/signaling';
import * as React from 'react';

/** Draw a component again whenever something has changed. */
export function useSignal(signal: ISignal<unknown, void>): void {
  const [, draw] = React.useReducer((count: number) => count + 1, 0);
  React.useEffect(() => {
    signal.connect(draw);
    return () => {
      signal.disconnect(draw);
    };
  }, [signal]);
}
