"""From a question to the chunks that answer it, or to the statement that none does.

Read `search` first; `query`, `fuse` and `gate` are its steps.
"""
