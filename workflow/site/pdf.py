"""Print the book: one PDF with contents, outline and page numbers, by headless Chromium."""

import argparse
import sys
from pathlib import Path

from workflow.site.browser import NoBrowser, chromium

FOOTER = (
    '<div style="font: 8pt serif; text-align: center; width: 100%">'
    '<span class="pageNumber"></span></div>'
)


def main():
    """Print the book's single page; stop with one paragraph where there is no browser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.add_argument("pdf", type=Path)
    arguments = parser.parse_args()
    part = arguments.pdf.with_suffix(".part")
    try:
        with chromium() as browser:
            page = browser.new_page(color_scheme="light")
            page.goto(arguments.page.absolute().as_uri())
            page.evaluate("document.fonts.ready")
            page.pdf(
                path=part,
                format="A4",
                margin=dict(top="20mm", bottom="22mm", left="22mm", right="22mm"),
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=FOOTER,
                outline=True,
                tagged=True,
            )
    except NoBrowser as error:
        sys.exit(str(error))
    part.replace(arguments.pdf)
    print(f"The book is at {arguments.pdf}")


if __name__ == "__main__":
    main()
