import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';
import { useNear } from './near';

const MIME = 'text/markdown';
const FENCE = /^`{3,}.*$/gm;
const BUDGET_MS = 8; // of a frame, for drawing
const MATH = /[$\\]/; // without one of these there is none
// The kernel has made the text safe; should a renderer make one of these all the same, it goes.
const NEVER = 'img, picture, video, audio, iframe, object, embed, form, button, input, style, link';
const HELD = /^(?:data-.*|id|name|on.*|style)$/;

interface IProps {
  text: string;
  rendermime: IRenderMimeRegistry;
}

/** Markdown through JupyterLab's own renderer, with nothing in it that acts on a page. */
export const Markdown = React.memo(function Markdown({ text, rendermime }: IProps): JSX.Element {
  const host = React.useRef<HTMLDivElement>(null);
  const latest = React.useRef({ text: '', drawing: false });
  const isNear = useNear(host);

  // Until it is drawn, the text stands there, about as high as the drawing will be.
  React.useLayoutEffect(() => {
    if (!isNear) {
      host.current!.textContent = text.replace(FENCE, '').trim();
    }
  }, [text, isNear]);
  React.useEffect(() => {
    const state = latest.current;
    state.text = text;
    if (isNear && !state.drawing) {
      state.drawing = true;
      void draw(rendermime, host, state);
    }
  }, [text, rendermime, isNear]);

  return <div className="jp-CodeAssist-markdown" ref={host} />;
});

/** Draw until nothing newer has arrived; the old drawing stays until the new one is whole. */
async function draw(
  rendermime: IRenderMimeRegistry,
  host: React.RefObject<HTMLDivElement>,
  state: { text: string; drawing: boolean }
): Promise<void> {
  let drawn: string | undefined;
  try {
    while (drawn !== state.text && host.current !== null) {
      await inTurn(async () => {
        drawn = state.text;
        const node = await drawing(rendermime, drawn);
        host.current?.replaceChildren(node);
        // A renderer does this by itself only in a widget; the kernel left no TeX that acts on a page.
        if (MATH.test(drawn)) {
          rendermime.latexTypesetter?.typeset(node);
        }
      });
    }
  } finally {
    state.drawing = false; // in the same step as the last look at the text
  }
}

let queue: Promise<unknown> = Promise.resolve();
let spent = 0; // ms since the page could be painted

/** Do it after what came before; between drawings the page is painted and answers the user. */
function inTurn(job: () => Promise<void>): Promise<void> {
  const done = queue.then(async () => {
    if (spent > BUDGET_MS) {
      await new Promise(resolve => setTimeout(resolve));
      spent = 0;
    }
    const begun = performance.now();
    await job();
    spent += performance.now() - begun;
  });
  queue = done.catch(() => undefined);
  return done;
}

async function drawing(rendermime: IRenderMimeRegistry, text: string): Promise<HTMLElement> {
  const renderer = rendermime.createRenderer(MIME);
  const model = rendermime.createModel({ data: { [MIME]: text }, trusted: false });
  await renderer.renderModel(model);
  scrub(renderer.node);
  return renderer.node;
}

function scrub(node: HTMLElement): void {
  node.querySelectorAll(NEVER).forEach(element => element.remove());
  node.querySelectorAll('.jp-InternalAnchorLink').forEach(anchor => anchor.remove());
  node.querySelectorAll('a').forEach(link => link.replaceWith(...link.childNodes));
  for (const element of node.querySelectorAll('*:not(mjx-container, mjx-container *)')) {
    for (const { name } of [...element.attributes]) {
      if (HELD.test(name)) {
        element.removeAttribute(name);
      }
    }
  }
}
