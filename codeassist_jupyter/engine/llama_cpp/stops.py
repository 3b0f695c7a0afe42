"""When an answer ends before the model says so: stop strings and endless repetition. Pure."""

from __future__ import annotations

from collections.abc import Sequence

# Repeated lines of data or code are legitimate; 192 tokens of one period are not.
_REPEATED_TOKENS = 192
_LONGEST_PERIOD = 64
_LEAST_REPEATS = 6


class StopFilter:
    """Passes text on, but never a stop string nor the beginning of one that may still complete."""

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.hit = False

    def feed(self, text: str) -> str:
        """Return what may be shown now; after a stop string was met, nothing more."""
        if self.hit:
            return ""
        self._held += text
        starts = [(self._held.find(stop), len(stop)) for stop in self._stops]
        found = [(at + size, at) for at, size in starts if at >= 0]
        if found:  # the one complete first, however the text was cut into pieces
            self.hit = True
            shown, self._held = self._held[: min(found)[1]], ""
            return shown
        keep = max((_overlap(self._held, stop) for stop in self._stops), default=0)
        cut = len(self._held) - keep
        shown, self._held = self._held[:cut], self._held[cut:]
        return shown

    def flush(self) -> str:
        """Return what was held back, at the end of the answer."""
        shown, self._held = self._held, ""
        return shown


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that is a proper beginning of `stop`."""
    for size in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0


def repeats(tokens: Sequence[int]) -> bool:
    """Whether the answer has ended in nothing but one short run of tokens, over and over."""
    for period in range(1, _LONGEST_PERIOD + 1):
        size = max(_REPEATED_TOKENS, period * _LEAST_REPEATS)
        if len(tokens) < size + period:
            continue
        if tokens[-size:] == tokens[-size - period : -period]:
            return True
    return False
