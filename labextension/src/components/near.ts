import * as React from 'react';

const MARGIN = '100% 0px'; // one height of the list above and below what is seen of it

/** Tells elements within a list that scrolls when they come near what is seen. */
export class NearWatch {
  constructor(list: Element) {
    const options = { root: list, rootMargin: MARGIN };
    this._observer = new IntersectionObserver(entries => this._tell(entries), options);
  }

  /** Call back once, when the element is near; gives what ends the watch. */
  add(element: Element, tell: () => void): () => void {
    this._waiting.set(element, tell);
    this._observer.observe(element);
    return () => {
      this._waiting.delete(element);
      this._observer.unobserve(element);
    };
  }

  private _tell(entries: IntersectionObserverEntry[]): void {
    for (const { target } of entries.filter(({ isIntersecting }) => isIntersecting)) {
      this._waiting.get(target)?.();
    }
  }

  private readonly _observer: IntersectionObserver;
  private readonly _waiting = new Map<Element, () => void>();
}

/** The watch of the list that a component is in; undefined before the list is there. */
export const Near = React.createContext<NearWatch | undefined>(undefined);

/** Whether an element has come near what is seen; it stays so, as the user may have worked in it. */
export function useNear(element: React.RefObject<Element>): boolean {
  const watch = React.useContext(Near);
  const [isNear, setNear] = React.useState(false);
  React.useEffect(
    () => (isNear ? undefined : watch?.add(element.current!, () => setNear(true))),
    [watch, isNear]
  );
  return isNear;
}
