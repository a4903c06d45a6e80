"""What builds the book, its site and its releases. A room for each; `make help` lists the doors."""

import sys

_said = sys.excepthook


def _end(kind, error, traceback):
    """Print a traceback, but not of Ctrl-C: imports alone take seconds, and make says that word."""
    if not issubclass(kind, KeyboardInterrupt):
        _said(kind, error, traceback)


sys.excepthook = _end
