import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';

const MIME = 'text/markdown';
const FENCE = /^`{3,}.*$/gm;
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

  // Drawing takes a while; the text stands there until then, about as high as it will be.
  React.useLayoutEffect(() => {
    host.current!.textContent = text.replace(FENCE, '').trim();
  }, []);
  React.useEffect(() => {
    const state = latest.current;
    state.text = text;
    if (!state.drawing) {
      state.drawing = true;
      void draw(rendermime, host, state);
    }
  }, [text, rendermime]);

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
      drawn = state.text;
      const renderer = rendermime.createRenderer(MIME);
      const model = rendermime.createModel({ data: { [MIME]: drawn }, trusted: false });
      await renderer.renderModel(model);
      scrub(renderer.node);
      host.current?.replaceChildren(renderer.node);
      // A renderer does this by itself only in a widget; the kernel left no TeX that acts on a page.
      if (MATH.test(drawn)) {
        rendermime.latexTypesetter?.typeset(renderer.node);
      }
    }
  } finally {
    state.drawing = false; // in the same step as the last look at the text
  }
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
