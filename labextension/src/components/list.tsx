import * as React from 'react';
import type { ITurn } from '../turns';
import { type ITurnProps, Turn } from './turn';

const NEAR = '100% 0px'; // one height of the list above and below what is seen
const END_PX = 40; // from the end that counts as at the end
const LATEST = 3; // turns that are drawn before it is known what is seen

type IProps = Pick<ITurnProps, 'model' | 'actions' | 'openPlace' | 'rendermime'>;

/**
 * The turns of a chat. It follows the answer until the user scrolls up, gets older turns when the
 * user comes near the first, and lets a turn be drawn when it comes near what is seen; until then it
 * is plain text, which can be found and read out.
 */
export function TurnList(props: IProps): JSX.Element {
  const { turns, older, isRunning } = props.model;
  const list = React.useRef<HTMLDivElement>(null);
  const feed = React.useRef<HTMLDivElement>(null);
  const near = useNear(list, feed, turns);
  const { isAway, onScroll, toEnd } = useEnd(list, feed, turns);
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
        onScroll={() => {
          onScroll();
          reach();
        }}
      >
        {older && (
          <button onClick={() => void props.model.showOlder()}>Show earlier turns</button>
        )}
        <div ref={feed} {...(turns.length > 0 && { role: 'feed', 'aria-label': 'Turns' })}>
          {turns.map((turn, index) => (
            <Turn
              key={turn.key}
              turn={turn}
              isNear={near.has(turn.key) || index >= turns.length - LATEST}
              canAsk={!isRunning}
              position={first + index}
              total={first + turns.length - 1}
              {...props}
            />
          ))}
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

/** The keys of the turns that have come near what is seen; they stay drawn, as the user left them. */
function useNear(list: Box, feed: Box, turns: readonly ITurn[]): ReadonlySet<number> {
  const [near, setNear] = React.useState<ReadonlySet<number>>(new Set());
  const observer = React.useRef<IntersectionObserver>();
  React.useEffect(() => {
    const look = new IntersectionObserver(
      entries => {
        const nodes = entries.filter(entry => entry.isIntersecting).map(({ target }) => target);
        nodes.forEach(node => look.unobserve(node));
        if (nodes.length > 0) {
          const keys = nodes.map(node => Number((node as HTMLElement).dataset.key));
          setNear(before => new Set([...before, ...keys]));
        }
      },
      { root: list.current, rootMargin: NEAR }
    );
    observer.current = look;
    return () => look.disconnect();
  }, []);
  React.useEffect(() => {
    for (const node of feed.current?.children ?? []) {
      if (!near.has(Number((node as HTMLElement).dataset.key))) {
        observer.current?.observe(node);
      }
    }
  }, [turns[0]?.key, turns[turns.length - 1]?.key]);
  return near;
}

/** Keeps the end in view as it grows, or what is seen where the user is when older turns come. */
function useEnd(
  list: Box,
  feed: Box,
  turns: readonly ITurn[]
): { isAway: boolean; onScroll: () => void; toEnd: () => void } {
  const [isAway, setAway] = React.useState(false);
  const place = React.useRef({ top: 0, follows: true, first: turns[0]?.key });
  const follow = React.useCallback(() => {
    if (list.current !== null && place.current.follows) {
      list.current.scrollTop = list.current.scrollHeight;
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
    const { top, follows } = place.current;
    // What grows below does not scroll; only the user goes up.
    place.current.follows =
      scrollHeight - scrollTop - clientHeight < END_PX || (follows && scrollTop >= top);
    place.current.top = scrollTop;
    setAway(!place.current.follows);
  };
  return { isAway, onScroll, toEnd };
}
