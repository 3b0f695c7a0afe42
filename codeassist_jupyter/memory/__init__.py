"""Conversations that last: kept, found again, encrypted if the user wants; only in the host."""
