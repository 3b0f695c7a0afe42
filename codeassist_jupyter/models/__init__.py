"""Which model files exist (catalogue), how they get here (download), what this machine can run."""
