"""Writes one setting into the settings file; the rest of the file stays as the user wrote it."""

from __future__ import annotations

import re

from .. import config
from ..models import files


def put(name: str, value: str) -> None:
    """Set a top-level text setting, in place of the line that set it before."""
    path = config.config_file()
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    line = f'{name} = "{value}"\n'
    replaced, count = re.subn(rf"(?m)\A((?:(?!\[).*\n)*?){name}\s*=.*\n?", rf"\g<1>{line}", text)
    files.write_text(path, replaced if count else line + text)
