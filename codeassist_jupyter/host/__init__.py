"""The one process per user that owns the model; its app, its launcher, its client."""
