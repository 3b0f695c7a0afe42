import * as React from 'react';
import type { ITurn } from '../turns';
import { Near, NearWatch } from './near';
import { type ITurnProps, Turn } from './turn';

const END_PX = 40; // from the end that counts as at the end
const UP_KEYS = ['ArrowUp', 'PageUp', 'Home'];

type IProps = Pick<ITurnProps, 'model' | 'actions' | 'openPlace' | 'rendermime'>;

/**
 * The turns of a chat. It follows the answer until the user scrolls up, gets older turns when the
 * user comes near the first, and lets a turn be drawn when it comes near what is seen; until then it
 * is plain text, which can be found and read out.
 */
export function TurnList(props: IProps): JSX.Element {
  const { turns, older } = props.model;
  const list = React.useRef<HTMLDivElement>(null);
  const feed = React.useRef<HTMLDivElement>(null);
  const [watch, setWatch] = React.useState<NearWatch>();
  React.useLayoutEffect(() => setWatch(new NearWatch(list.current!)), []);
  const { isAway, onScroll, onUp, toEnd } = useEnd(list, feed, turns);
  const first = turns[0]?.number || 1;
  const reach = () => {
    const node = list.current;
    if (older && node !== null && node.scrollTop < 2 * node.clientHeight) {
      void props.model.showOlder();
    }
  };
  React.useEffect(reach, [older, turns[0]?.key]);
  return (
    <>
      <div
        className="jp-CodeAssist-turns"
        ref={list}
        tabIndex={0}
        role="group"
        aria-label="Chat"
        onWheel={({ deltaY }) => deltaY < 0 && onUp()}
        onKeyDown={({ key }) => UP_KEYS.includes(key) && onUp()}
        onScroll={() => {
          onScroll();
          reach();
        }}
      >
        {older && (
          <button onClick={() => void props.model.showOlder()}>Show earlier turns</button>
        )}
        <div ref={feed} {...(turns.length > 0 && { role: 'feed', 'aria-label': 'Turns' })}>
          <Near.Provider value={watch}>
            {turns.map((turn, index) => (
              <Turn
                key={turn.key}
                turn={turn}
                position={first + index}
                total={first + turns.length - 1}
                {...props}
              />
            ))}
          </Near.Provider>
        </div>
      </div>
      {isAway && (
        <button
          className="jp-CodeAssist-jump"
          onClick={() => {
            list.current?.focus(); // the button goes
            toEnd();
          }}
        >
          Jump to the end
        </button>
      )}
    </>
  );
}

type Box = React.RefObject<HTMLDivElement>;

/** Keeps the end in view as it grows, or what is seen where the user is when older turns come. */
function useEnd(
  list: Box,
  feed: Box,
  turns: readonly ITurn[]
): { isAway: boolean; onScroll: () => void; onUp: () => void; toEnd: () => void } {
  const [isAway, setAway] = React.useState(false);
  const place = React.useRef({ top: 0, height: 0, follows: true, first: turns[0]?.key });
  const follow = React.useCallback(() => {
    if (list.current !== null && place.current.follows) {
      list.current.scrollTop = list.current.scrollHeight;
      place.current.top = list.current.scrollTop;
      place.current.height = list.current.scrollHeight;
    }
  }, []);
  const toEnd = React.useCallback(() => {
    place.current.follows = true;
    setAway(false);
    follow();
  }, []);
  React.useLayoutEffect(() => {
    const observer = new ResizeObserver(follow);
    observer.observe(list.current!);
    observer.observe(feed.current!);
    return () => observer.disconnect();
  }, []);
  React.useLayoutEffect(toEnd, [turns[turns.length - 1]?.key]);
  React.useLayoutEffect(() => {
    // Browsers keep the place too, but not all, and not at the very top.
    const { first, top, follows } = place.current;
    const node = feed.current?.querySelector<HTMLElement>(`[data-key="${first}"]`);
    const now = feed.current?.firstElementChild as HTMLElement | null;
    if (list.current && node && now && !follows) {
      list.current.scrollTop = top + node.offsetTop - now.offsetTop;
    }
    place.current.first = turns[0]?.key;
  }, [turns[0]?.key]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = list.current!;
    const { top, height, follows } = place.current;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < END_PX;
    // Only the user goes up; what is drawn smaller or larger scrolls, too.
    const isMoved = scrollTop >= top || scrollHeight !== height;
    Object.assign(place.current, { top: scrollTop, height: scrollHeight });
    place.current.follows = isAtEnd || (follows && isMoved);
    setAway(!place.current.follows);
    follow();
  };
  const onUp = () => {
    place.current.follows = false; // though an answer grows at the same time
  };
  return { isAway, onScroll, onUp, toEnd };
}
