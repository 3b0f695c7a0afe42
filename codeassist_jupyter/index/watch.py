"""Notice that the project's files may have changed; what has changed, `build.refresh` finds out.

Events are hints: network folders send none, inotify has limits. So a sweep comes anyway.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from watchfiles import DefaultFilter, watch

_log = logging.getLogger(__name__)

_DEBOUNCE_MS = 250  # a save is several events: write, rename, change of times
_SWEEP_S = 60.0


class _Filter(DefaultFilter):
    """Leave out what is never indexed and changes all the time."""

    ignore_dirs = (
        *DefaultFilter.ignore_dirs,
        ".ipynb_checkpoints",
        "__pycache__",
        "build",
        "dist",
    )


def wakeups(root: Path, stop: threading.Event, sweep_s: float = _SWEEP_S) -> Iterator[None]:
    """Yield whenever a refresh is due: once at first, after changes, and every `sweep_s`.

    Ends when `stop` is set.
    """
    yield None
    while not stop.is_set():
        try:
            events = watch(
                root,
                watch_filter=_Filter(),
                debounce=_DEBOUNCE_MS,
                step=_DEBOUNCE_MS // 5,
                stop_event=stop,
                rust_timeout=int(sweep_s * 1000),
                yield_on_timeout=True,
                raise_interrupt=False,
                ignore_permission_denied=True,
            )
            for _ in events:
                yield None
        except (OSError, RuntimeError) as exc:
            # No watches left, or the root is away: the sweep alone must do.
            _log.warning("cannot watch %s: %s", root, exc)
            stop.wait(sweep_s)
            yield None
