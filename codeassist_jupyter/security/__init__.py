"""The only judge of what may be read, sent, shown and contacted; pure functions, no state."""

from .access import allowed, may_read
from .markdown import sanitize
from .redaction import redact, secret_name
from .text import clean, fence, fence_key, fence_tag

__all__ = [
    "allowed",
    "clean",
    "fence",
    "fence_key",
    "fence_tag",
    "may_read",
    "redact",
    "sanitize",
    "secret_name",
]
