"""Measures the side panel in a real JupyterLab in Chromium; needs Node.js and the built extension.

    python tests/benchmarks/panel [--json FILE]

`jlpm install` in labextension/ui-tests comes first; CHROMIUM names another browser.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
UI_TESTS = ROOT / "labextension" / "ui-tests"
BUNDLE = ROOT / "codeassist_jupyter" / "labextension" / "static"
FRAME_MS = 1000 / 60
LATE = 1.5  # frames: what comes later has left one out


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the side panel in a real browser.")
    parser.add_argument("--json", type=Path, help="also write all single values here")
    chosen = parser.parse_args()
    before = os.getloadavg()[0]
    found = measure()
    print(f"load {before:.1f} at the start, {os.getloadavg()[0]:.1f} at the end\n")
    print("| | measured | target |\n|---|---|---|")
    for row in rows(found):
        print(f"| {' | '.join(row)} |")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found))


def measure() -> dict[str, Any]:
    """What benchmark.ts writes, and the size of the bundle."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.json"
        result = subprocess.run(
            ["node_modules/.bin/playwright", "test", "--project=benchmark"],
            cwd=UI_TESTS,
            env={**os.environ, "CODEASSIST_BENCHMARK": str(path)},
            stdout=sys.stderr,
            check=False,
        )
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    if result.returncode:
        print("the measurement failed; what there is of it:", file=sys.stderr)
    found["bundle_bytes"] = sum(
        len(gzip.compress(file.read_bytes(), 9, mtime=0)) for file in BUNDLE.glob("*.js")
    )
    return found


def rows(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(what, measured, target) of what was measured."""
    table = []
    for name, what, target in (
        ("round_trip_busy_ms", "comm round trip beside a busy Python cell", "p95 ≤ 150 ms"),
        ("first_delta_ms", "core emits the first piece → on screen", "≤ 50 ms"),
        ("stop_ms", "stop → stopped on screen", "≤ 150 ms"),
        ("open_ms", "open a chat of 2,000 messages", "≤ 300 ms"),
    ):
        if name in found:
            table.append((f"{what}: p50 / p95", f"{middle(found[name])} ms", target))
    if "drag_frames_ms" in found:
        table += scrolling(found)
    if "start_ms" in found:
        table.append(starting(**found["start_ms"]))
    size = f"{found['bundle_bytes'] / 1000:.0f} kB"
    table.append(("all code of the extension, gzip", size, "≤ 250 kB"))
    return table


def scrolling(found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Frames while the chat is scrolled, beside those of a page that does nothing."""
    table = []
    for name, what, target in (
        ("scroll_frames_ms", "scrolling it, 60 px a frame", "60"),
        ("drag_frames_ms", "dragging through all of it in 10 s", ""),
        ("rest_frames_ms", "the same chat at rest", ""),
    ):
        frames = found[name]
        rate = 1000 * len(frames) / sum(frames)
        late = sum(frame > LATE * FRAME_MS for frame in frames) / len(frames)
        measured = f"{rate:.0f} ({late:.1%} late, longest {max(frames):.0f} ms)"
        table.append((f"{what}: frames/s", measured, target))
    return table


def starting(plain: list[float], ours: list[float]) -> tuple[str, str, str]:
    pairs = [after - before for before, after in zip(plain, ours, strict=True)]
    without, added = statistics.median(plain), statistics.median(pairs)
    measured = f"{added:+.0f} ms (without: {without:.0f} ms; {len(pairs)} pairs)"
    return ("start of JupyterLab, median of the differences", measured, "≤ +50 ms")


def middle(values: Sequence[float]) -> str:
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return f"{statistics.median(ordered):.0f} / {p95:.0f}"


if __name__ == "__main__":
    main()
