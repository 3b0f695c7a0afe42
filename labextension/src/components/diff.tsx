/** Two texts in CodeMirror's merge view; a file of its own, so that it is loaded when first needed. */

import { MergeView, unifiedMergeView } from '@codemirror/merge';
import { EditorState, type Extension, type Text } from '@codemirror/state';
import { Decoration, EditorView, WidgetType } from '@codemirror/view';
import { EditorLanguageRegistry, jupyterTheme } from '@jupyterlab/codemirror';
import * as React from 'react';
import { COMPARE, documentOf, hunksOf, type ITexts, settle } from '../hunks';

const WIDE = 700; // CSS pixels from which on the texts stand side by side
const COLLAPSED = { margin: 3, minSize: 4 }; // lines
const LONG = 12; // lines from which on some may be collapsed

export interface IDiffProps extends ITexts {
  /** Called with the texts after a hunk was accepted or rejected; without it they are only shown. */
  settled?: (texts: ITexts) => void;
}

type Decide = (index: number, take: boolean) => void;

let python: Extension = [];

/** The component, with the highlighting that it draws with. */
export async function load(): Promise<{ default: typeof Diff }> {
  const languages = EditorLanguageRegistry.getDefaultLanguages();
  python = (await languages.find(({ name }) => name === 'Python')?.load?.()) ?? [];
  return { default: Diff };
}

function Diff({ before, after, settled }: IDiffProps): JSX.Element {
  const host = React.useRef<HTMLDivElement>(null);
  const decided = React.useRef<number>();
  const wide = useWide(host);
  const [whole, setWhole] = React.useState(false);

  React.useEffect(() => {
    const parent = host.current;
    if (parent === null) {
      return undefined;
    }
    const decide = (index: number, take: boolean) => {
      decided.current = index;
      settled?.(settle({ before, after }, hunksOf({ before, after })[index], take));
    };
    const options = { collapseUnchanged: whole ? undefined : COLLAPSED, decide: settled && decide };
    const view = (wide ? sideBySide : unified)({ before, after }, parent, options);
    if (decided.current !== undefined) {
      const accepts = parent.querySelectorAll<HTMLElement>('.jp-CodeAssist-hunk > :first-child');
      accepts[Math.min(decided.current, accepts.length - 1)]?.focus();
      decided.current = undefined;
    }
    return () => view.destroy();
  }, [before, after, wide, whole]);

  const long = Math.max(before.split('\n').length, after.split('\n').length) >= LONG;
  return (
    <div className="jp-CodeAssist-diff">
      <div ref={host} />
      {long && (
        <button aria-pressed={whole} onClick={() => setWhole(!whole)}>
          Show all lines
        </button>
      )}
    </div>
  );
}

interface IOptions {
  collapseUnchanged: typeof COLLAPSED | undefined;
  decide: Decide | undefined;
}

function unified(texts: ITexts, parent: HTMLElement, options: IOptions): EditorView {
  const { collapseUnchanged, decide } = options;
  const merge = unifiedMergeView({
    original: documentOf(texts.before),
    collapseUnchanged,
    mergeControls: false,
    gutter: false,
    diffConfig: COMPARE
  });
  const controls = rows(texts, 'fromB', decide && buttonsFor(decide));
  return new EditorView({
    parent,
    state: EditorState.create({
      doc: documentOf(texts.after),
      extensions: [shown('The change'), controls, merge]
    })
  });
}

function sideBySide(texts: ITexts, parent: HTMLElement, options: IOptions): MergeView {
  const { collapseUnchanged, decide } = options;
  const side = (doc: Text, label: string, controls: Extension) => ({
    doc,
    extensions: [shown(label), controls]
  });
  return new MergeView({
    parent,
    a: side(documentOf(texts.before), 'Now', rows(texts, 'fromA', decide && nameOf)),
    b: side(documentOf(texts.after), 'Proposed', rows(texts, 'fromB', decide && buttonsFor(decide))),
    collapseUnchanged,
    gutter: false,
    diffConfig: COMPARE
  });
}

/** Text to look at, drawn as JupyterLab draws its cells. */
function shown(label: string): Extension {
  return [
    jupyterTheme,
    python,
    EditorView.lineWrapping,
    EditorView.editable.of(false),
    EditorState.readOnly.of(true),
    EditorView.contentAttributes.of({ 'aria-label': label, 'aria-readonly': 'true' })
  ];
}

type Draw = (row: HTMLElement, index: number, count: number) => void;

/** A row above each hunk, on the side where it begins at `from`. */
function rows(texts: ITexts, from: 'fromA' | 'fromB', draw: Draw | undefined): Extension {
  if (draw === undefined) {
    return [];
  }
  const hunks = hunksOf(texts);
  const widgets = hunks.map((hunk, index) => {
    const widget = new Row(row => draw(row, index, hunks.length));
    // The merge view aligns the lines that follow a hunk: the row belongs to the one before.
    const first = hunk[from] === 0;
    return Decoration.widget({ widget, block: true, side: first ? -2 : 1 }).range(
      first ? 0 : hunk[from] - 1
    );
  });
  return EditorView.decorations.of(Decoration.set(widgets));
}

class Row extends WidgetType {
  constructor(private readonly draw: (row: HTMLElement) => void) {
    super();
  }

  toDOM(): HTMLElement {
    const row = document.createElement('div');
    row.className = 'jp-CodeAssist-hunk';
    this.draw(row);
    return row;
  }

  ignoreEvent(): boolean {
    return true; // clicks and keys belong to the buttons
  }
}

const nameOf: Draw = (row, index, count) => {
  row.append(`Change ${index + 1} of ${count}`);
};

function buttonsFor(decide: Decide): Draw {
  return (row, index, count) => {
    for (const word of ['Accept', 'Reject']) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = word;
      button.setAttribute('aria-label', `${word} change ${index + 1} of ${count}`);
      button.onclick = () => decide(index, word === 'Accept');
      row.append(button);
    }
  };
}

/** Whether there is room for two texts side by side. */
function useWide(host: React.RefObject<HTMLElement>): boolean {
  const [wide, setWide] = React.useState(false);
  React.useLayoutEffect(() => {
    const node = host.current;
    if (node === null) {
      return undefined;
    }
    const observer = new ResizeObserver(() => setWide(node.clientWidth > WIDE));
    setWide(node.clientWidth > WIDE);
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  return wide;
}
