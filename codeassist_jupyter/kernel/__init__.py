"""Everything that touches IPython: magics, context capture, display, cell insertion."""
