import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import * as React from 'react';
import { type ISegment, segmentsOf } from '../markdown';
import { CodeBlock, type ICodeActions } from './code';
import { Markdown } from './markdown';

const MOST_REDRAWN = 4_000; // characters of a block that is drawn anew with each piece of it

interface IProps {
  text: string;
  over: boolean;
  /** Whether it is near what is seen; else it is plain text. */
  isNear: boolean;
  actions: ICodeActions;
  rendermime: IRenderMimeRegistry;
}

/** An answer, block by block, so that only the block that grows is drawn anew. */
export function Answer({ text, over, isNear, actions, rendermime }: IProps): JSX.Element {
  const segments = React.useMemo(() => (isNear ? segmentsOf(text) : []), [text, isNear]);
  return (
    <div className="jp-CodeAssist-answer" aria-busy={!over}>
      {!isNear && <pre className="jp-CodeAssist-plain">{text}</pre>}
      {segments.map((segment, index) => (
        <Block
          key={index}
          {...segment}
          isOpen={!over && index === segments.length - 1}
          actions={actions}
          rendermime={rendermime}
        />
      ))}
    </div>
  );
}

interface IBlockProps extends ISegment {
  isOpen: boolean;
  actions: ICodeActions;
  rendermime: IRenderMimeRegistry;
}

const Block = React.memo(function Block(props: IBlockProps): JSX.Element {
  const { kind, text, language, isOpen, actions, rendermime } = props;
  if (isOpen && text.length > MOST_REDRAWN) {
    return <pre className="jp-CodeAssist-plain">{text}</pre>;
  }
  return kind === 'prose' ? (
    <Markdown text={text} rendermime={rendermime} />
  ) : (
    <CodeBlock
      code={text}
      language={language}
      actions={isOpen ? null : actions}
      rendermime={rendermime}
    />
  );
});
