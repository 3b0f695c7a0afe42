"""The whole way from exports to the report; also the command line."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from .aggregate import revenue_by_month
from .clean import OrderCleaner
from .load import read_export, read_folder

log = logging.getLogger(__name__)


def run(source: Path, out: Path) -> int:
    """Write the report of a file or folder of exports; return the number of its rows."""
    raw = read_folder(source) if source.is_dir() else read_export(source)
    cleaner = OrderCleaner()
    report = revenue_by_month(cleaner.clean(raw))
    report.to_csv(out, index=False)
    log.info("%d rows read, %d rejected, %d reported", cleaner.seen, cleaner.rejected, len(report))
    return len(report)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("--out", type=Path, default=Path("report.csv"))
    options = parser.parse_args(arguments)
    run(options.source, options.out)


if __name__ == "__main__":
    main()
