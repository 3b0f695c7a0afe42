"""Notice that the project's files may have changed; what has changed, `build.refresh` finds out.

Events are hints: network folders send none, inotify has limits. So a sweep comes anyway.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from watchfiles import Change, DefaultFilter, watch

from .. import config
from .discover import folder_reason

_log = logging.getLogger(__name__)

_DEBOUNCE_MS = 250  # a save is several events: write, rename, change of times
_SWEEP_S = 60.0


class _Filter(DefaultFilter):
    """Leave out what is never indexed: in a home folder that changes all the time, by our hand."""

    ignore_dirs = ()

    def __init__(self, root: Path) -> None:
        super().__init__(ignore_paths=[config.home()])
        self._depth = len(root.parts)

    def __call__(self, change: Change, path: str) -> bool:
        folders = Path(path).parts[self._depth : -1]
        return not any(map(folder_reason, folders)) and super().__call__(change, path)


def wakeups(
    root: Path,
    stop: threading.Event,
    sweep_s: float = _SWEEP_S,
    wake: threading.Event | None = None,
) -> Iterator[None]:
    """Yield whenever a refresh is due: at first, after changes, every `sweep_s`, and on `wake`.

    Ends when `stop` is set. `wake` is set by changes and by whoever does not want to wait; it is
    watched from before the first yield, so that no change during a long refresh is lost.
    """
    wake = wake or threading.Event()
    watching = threading.Thread(target=_watch, args=(root, stop, sweep_s, wake), daemon=True)
    watching.start()
    while not stop.is_set():
        yield None
        wake.wait(sweep_s)
        wake.clear()
    watching.join()


def _watch(root: Path, stop: threading.Event, sweep_s: float, wake: threading.Event) -> None:
    while not stop.is_set():
        try:
            for _ in watch(
                root,
                watch_filter=_Filter(root),
                debounce=_DEBOUNCE_MS,
                step=_DEBOUNCE_MS // 5,
                stop_event=stop,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                wake.set()
        except (OSError, RuntimeError) as exc:
            # No watches left, or the root is away: the sweep alone must do.
            _log.warning("cannot watch %s: %s", root, exc)
            stop.wait(sweep_s)
    wake.set()
