"""Serve the built site on this machine: `make serve`."""

import argparse
import contextlib
import errno
import functools
import http.server
import sys
from pathlib import Path


def main():
    """Serve until Ctrl-C; one paragraph where there is no site, or the port is another's."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--port", type=int, required=True)
    arguments = parser.parse_args()
    site = arguments.build / "html"
    if not (site / "index.html").is_file():
        sys.exit(f"There is no site yet. Expected {site}/index.html. Run make book first.")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=site)
    try:
        with http.server.ThreadingHTTPServer(("", arguments.port), handler) as server:
            print(f"The book is at http://localhost:{arguments.port} until Ctrl-C.", flush=True)
            with contextlib.suppress(KeyboardInterrupt):
                server.serve_forever()
    except (OSError, OverflowError) as error:
        taken = getattr(error, "errno", None) == errno.EADDRINUSE
        reason = "another program has it" if taken else str(error).rstrip(".")
        sys.exit(
            f"Port {arguments.port} cannot be opened: {reason}. Expected a free one, at most "
            "65535. Choose another, for example: make serve PORT=8010"
        )


if __name__ == "__main__":
    main()
