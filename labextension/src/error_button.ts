/** A button under each error in a notebook's outputs; the traceback is drawn as JupyterLab does. */

import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMime, IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { Panel, Widget } from '@lumino/widgets';

const ERROR = 'application/vnd.jupyter.error'; // what only the outputs of failed cells have
const STDERR = 'application/vnd.jupyter.stderr'; // what their traceback is drawn as
const RANK = 10; // before the plain traceback, which has 110

/** Let `fix` be called with a notebook and the id of its failed cell. */
export function addErrorButton(
  rendermime: IRenderMimeRegistry,
  tracker: INotebookTracker,
  fix: (notebook: NotebookPanel, cell: string) => void
): void {
  const traceback = rendermime.getFactory(STDERR);
  if (traceback === undefined) {
    return;
  }
  const createRenderer = (options: IRenderMime.IRendererOptions) =>
    new ErrorOutput(traceback.createRenderer({ ...options, mimeType: STDERR }), tracker, fix);
  rendermime.addFactory({ safe: true, mimeTypes: [ERROR], createRenderer }, RANK);
}

/** A traceback with the button, which only stands in a notebook's cell. */
class ErrorOutput extends Panel implements IRenderMime.IRenderer {
  constructor(
    private readonly traceback: IRenderMime.IRenderer,
    private readonly tracker: INotebookTracker,
    private readonly fix: (notebook: NotebookPanel, cell: string) => void
  ) {
    super();
    this.addClass('jp-CodeAssist-errorOutput');
    this.addWidget(traceback);
  }

  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    return this.traceback.renderModel(model);
  }

  protected onAfterAttach(): void {
    if (this.widgets.length === 1 && this._place() !== undefined) {
      const button = document.createElement('button');
      button.type = 'button';
      button.className = 'jp-CodeAssist-fix';
      button.textContent = 'Explain and fix';
      button.onclick = () => {
        const place = this._place();
        if (place !== undefined) {
          this.fix(place.notebook, place.cell);
        }
      };
      this.addWidget(new Widget({ node: button }));
    }
  }

  /** The Python notebook and the cell that it stands in: not in a console or an output's own view. */
  private _place(): { notebook: NotebookPanel; cell: string } | undefined {
    const notebook = this.tracker.find(({ content }) => content.contains(this));
    const cell = notebook?.content.widgets.find(widget => widget.contains(this));
    const language = notebook?.content.model?.defaultKernelLanguage;
    return notebook && cell && (!language || language === 'python')
      ? { notebook, cell: cell.model.id }
      : undefined;
  }
}
