"""Reads exports; knows nothing of their meaning."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from .errors import MissingColumns

COLUMNS = {"order_id", "customer", "ordered_at", "region", "amount"}


def read_export(path: Path) -> pd.DataFrame:
    """Read one CSV export, everything as text.

    Raises MissingColumns if the header is not that of an export.
    """
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = COLUMNS - set(frame.columns)
    if missing:
        raise MissingColumns(missing)
    return frame


def read_folder(folder: Path) -> pd.DataFrame:
    """Read all exports of a folder, oldest first, with the file's name as a column."""
    frames = [read_export(path).assign(source=path.name) for path in sorted(folder.glob("*.csv"))]
    if not frames:
        return pd.DataFrame(columns=[*sorted(COLUMNS), "source"])
    return pd.concat(frames, ignore_index=True)
