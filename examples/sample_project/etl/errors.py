"""What can be wrong with an export."""


class ExportError(Exception):
    """An export cannot be used as a whole."""


class MissingColumns(ExportError):
    """The header lacks columns that the pipeline needs."""

    def __init__(self, missing: set[str]) -> None:
        super().__init__(f"the export lacks the columns {', '.join(sorted(missing))}")
        self.missing = missing


class TooManyRejects(ExportError):
    """More rows are unreadable than an export of ours ever had."""
