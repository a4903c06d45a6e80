"""A page of the built site in a browser, and what is to be known of it."""

import pytest


@pytest.fixture
def visit(browser, built):
    """Open a page of the built site, from its file if not from an address.

    What it loads and complains of is kept. `route(page)` may come between before it is opened.
    """
    contexts = []

    def visit(name, address=None, route=None, **options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.loaded, page.complaints = {}, []
        page.on("response", lambda r: page.loaded.update({r.url: r.body()}))
        page.on("requestfailed", lambda r: page.complaints.append(f"failed: {r.url}"))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on(
            "console",
            lambda m: page.complaints.append(m.text) if m.type in ("error", "warning") else None,
        )
        if route:
            route(page)
        root = address or (built / "html").as_uri()
        path, _, query = name.partition("?")
        page.goto(f"{root}/{path}.html" + (f"?{query}" if query else ""))
        return page

    yield visit
    for context in contexts:
        context.close()
