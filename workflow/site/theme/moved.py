"""Pages that have moved: an old address forwards to the new one, as `moved` in _config.yml says."""


def setup(app):
    """Write the old addresses beside the pages."""
    app.add_config_value("moved", {}, "html")
    app.connect("html-collect-pages", forwarding)


def forwarding(app):
    """Yield a page for each old address whose new one is in the book."""
    for old, new in app.config.moved.items():
        if new in app.env.found_docs:
            yield old, {"new": new, "title": app.env.titles[new].astext()}, "moved.html"
