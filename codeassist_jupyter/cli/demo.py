"""`codeassist demo`: fetches the model if need be, then runs the first example in a real kernel.

The answers appear in the terminal as they are generated; the executed notebook is saved.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

from .. import config
from ..errors import CodeAssistError, UsageError
from . import setup

_NAME = "01-ask.ipynb"


def add(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = subparsers.add_parser("demo", help="see a notebook being answered, from nothing")
    parser.add_argument("--notebook", type=Path, help="run this one instead")
    parser.add_argument("--output", type=Path, help="where to save the executed notebook")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Set up, run the notebook, save it, and say what to do next."""
    settings = config.load()
    if settings.engine == "llama_cpp":
        setup.ensure(settings)
    source = args.notebook or find_example()
    target = args.output or config.home() / "demo" / source.name
    execute(source, target)
    print(f"\nExecuted notebook: {target}")
    print(f"Now try it yourself: jupyter lab {_shown(source)}")
    return 0


def find_example() -> Path:
    """The example of the checkout we stand in, else the one that ships with the package."""
    local = Path("examples") / _NAME
    if local.is_file():
        return local
    return Path(str(files("codeassist_jupyter") / "examples" / _NAME))


def execute(source: Path, target: Path) -> None:
    """Run every cell of `source` in a real kernel, printing outputs as they come; save `target`.

    Raises UsageError if the notebook cannot be read, and CodeAssistError if a cell fails.
    """
    import nbformat
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    try:
        notebook = nbformat.read(source, as_version=4)
    except (OSError, ValueError, nbformat.ValidationError) as exc:
        raise UsageError(f"cannot read {source}: {exc}", "Give the path of a notebook.") from exc
    folder = source.resolve().parent
    client = _printing_client()(
        notebook,
        timeout=None,
        resources={"metadata": {"path": folder}},
        extra_arguments=["--IPKernelApp.log_level=40"],  # errors only: its warnings are not ours
    )
    try:
        asyncio.run(client.async_execute())
    except CellExecutionError as exc:
        raise CodeAssistError(f"a cell failed: {exc.ename}: {exc.evalue}", "") from exc
    except (DeadKernelError, NoSuchKernel) as exc:
        hint = "Install one beside this package: python -m ipykernel install --sys-prefix"
        raise CodeAssistError(f"the notebook's kernel does not run: {exc}", hint) from exc
    finally:
        target.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, target)


def _printing_client() -> Any:
    """An nbclient that prints sources before they run and outputs while they grow."""
    from nbclient import NotebookClient

    class PrintingClient(NotebookClient):
        printed: dict[str, str] = {}  # noqa: RUF012 - display id → what was printed of it

        async def async_execute_cell(
            self, cell: Any, cell_index: int, *args: Any, **kwargs: Any
        ) -> Any:
            if cell.cell_type == "markdown":
                print(f"\n{cell.source}\n")
            elif cell.source.strip():
                print("\n" + "\n".join(f"    {line}" for line in cell.source.splitlines()) + "\n")
            return await super().async_execute_cell(cell, cell_index, *args, **kwargs)

        def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
            _print_output(msg, self.printed)
            return super().process_message(msg, cell, cell_index)

    return PrintingClient


def _print_output(msg: Any, printed: dict[str, str]) -> None:
    kind, content = msg["msg_type"], msg["content"]
    if kind == "stream":
        sys.stdout.write(content["text"])
    elif kind == "execute_result":
        print(content["data"].get("text/plain", ""))
    elif kind in ("display_data", "update_display_data"):
        identity = content.get("transient", {}).get("display_id", "")
        text = content["data"].get("text/plain", "")
        before = printed.get(identity, "")
        if _is_status(text):
            return
        if text.startswith(before):  # an answer that grew
            sys.stdout.write(text[len(before) :])
            printed[identity] = text
        elif len(text) > len(before):
            sys.stdout.write("\r\x1b[2K" + text if sys.stdout.isatty() else text)
            printed[identity] = text
    sys.stdout.flush()


def _is_status(text: str) -> bool:
    return text.endswith(("…", "%")) and len(text) < 60


def _shown(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
