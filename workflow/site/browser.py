"""A headless Chromium for whoever needs one: the PDF, and the tests of the site."""

import contextlib
import os
import shutil
import sys

NAMES = ["chromium", "chromium-browser", "google-chrome", "chrome"]
#: It runs in containers too, and asks nobody for updates.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]


class NoBrowser(Exception):
    """There is no Chromium; the message says what to do."""


def find():
    """Return the path of a Chromium: the one that CHROMIUM names, or the first on PATH."""
    asked = os.environ.get("CHROMIUM")
    found = next(filter(None, map(shutil.which, [asked] if asked else NAMES)), None)
    if not found:
        raise NoBrowser(
            f"No Chromium was found: looked for {asked or ', '.join(NAMES)}. Expected one on PATH. "
            "Install it (Debian: apt install chromium), or name it by CHROMIUM=/path/to/it."
        )
    return found


@contextlib.contextmanager
def chromium():
    """Yield a running browser of playwright's; NoBrowser where there is none."""
    path = find()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


if __name__ == "__main__":  # asks before a long build whether it can be printed
    try:
        find()
    except NoBrowser as error:
        sys.exit(str(error))
