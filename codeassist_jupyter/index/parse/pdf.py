"""The text of a PDF, one unit per page."""

from __future__ import annotations

import threading
from typing import Any

from .document import Document, Unit

_PAGES = 2000  # as many are read
# PDFium is not safe to use from two threads, not even on two documents.
_lock = threading.Lock()


def parse_pdf(path: str, data: bytes) -> Document:
    """Lines count in the text of all pages; without units if it cannot be read."""
    import pypdfium2

    try:
        with _lock:
            document = pypdfium2.PdfDocument(data)
            try:
                count = len(document)
                pages = [_page(document, i) for i in range(min(count, _PAGES))]
            finally:
                document.close()
    except pypdfium2.PdfiumError as exc:
        locked = "password" in str(exc).lower()
        return Document(path, "pdf", "", (), "encrypted PDF" if locked else "damaged PDF")
    units: list[Unit] = []
    line = 1
    for number, page in enumerate(pages, 1):
        end = line + page.count("\n")
        if page.strip():
            units.append(Unit("section", f"page {number}", line, end, page))
        line = end + 1
    note = f"only the first {_PAGES} of {count} pages" if count > _PAGES else ""
    if not units:
        note = "PDF without text (scanned?)"
    return Document(path, "pdf", "\n".join(pages), tuple(units), note)


def _page(document: Any, index: int) -> str:
    page = document[index]
    text_page = page.get_textpage()
    try:
        text: str = text_page.get_text_bounded()
    finally:
        text_page.close()
        page.close()
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
    return text.encode("utf-8", "replace").decode("utf-8")
