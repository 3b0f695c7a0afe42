/** Parts an answer into prose and code blocks, so that each block gets its buttons. */

export interface ISegment {
  kind: 'prose' | 'code';
  text: string;
  language: string;
}

// Of a list, or a number that may become one of a list.
const LISTED = /^[ \t]*(?:(?:[-*+]|\d+[.)])(?:[ \t]|$)|\d+$)/;
const OPENING = /^( {0,3})(`{3,}|~{3,})[ \t]*([^\s`]*)[^`]*$/;
// JupyterLab would draw these fences as diagrams; what a model wrote is shown as code.
const DRAWN = /^([ \t>]*(?:[-*+][ \t]+|\d+[.)][ \t]+)*(?:`{3,}|~{3,}))[ \t]*(?:mermaid|vega\S*)/gim;

/**
 * The segments of a Markdown text; an open fence at its end counts as code. Prose is parted where an
 * empty line ends what stands before it whatever follows; a list may go on after one.
 */
export function segmentsOf(text: string): ISegment[] {
  const segments: ISegment[] = [];
  let lines: string[] = [];
  let fence = '';
  let indent = 0;
  let language = '';
  let listed = false; // a line before, in this piece of prose, belongs to a list
  const end = () => {
    const joined = lines.join('\n');
    if (fence || joined.trim()) {
      const prose = { kind: 'prose' as const, text: joined.replace(DRAWN, '$1text'), language: '' };
      segments.push(fence ? { kind: 'code', text: joined, language } : prose);
    }
    lines = [];
    listed = false;
  };
  for (const line of text.split('\n')) {
    const opening = fence ? null : OPENING.exec(line);
    if (opening) {
      end();
      indent = opening[1].length;
      fence = opening[2];
      language = opening[3].toLowerCase();
    } else if (fence && closes(line, fence)) {
      end();
      fence = '';
    } else if (!fence) {
      const isListed = LISTED.test(line);
      const follows = lines.length > 0 && !lines[lines.length - 1].trim();
      if (follows && /^\S/.test(line) && !(listed && isListed)) {
        end();
      }
      listed ||= isListed;
      lines.push(line);
    } else {
      lines.push(line.slice(Math.min(indent, line.search(/\S|$/))));
    }
  }
  end();
  return segments;
}

/** A code block as Markdown that JupyterLab only highlights. */
export function fenced(code: string, language: string): string {
  const runs = code.match(/`+/g) ?? [];
  const fence = '`'.repeat(Math.max(3, ...runs.map(run => run.length + 1)));
  const plain = /^(?:mermaid|vega.*|)$/.test(language) || !/^[\w+#.-]+$/.test(language);
  return `${fence}${plain ? 'text' : language}\n${code}\n${fence}`;
}

function closes(line: string, fence: string): boolean {
  const mark = line.trim();
  return /^ {0,3}\S/.test(line) && mark.length >= fence.length && mark === fence[0].repeat(mark.length);
}
