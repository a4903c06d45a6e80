"""Fold the parts of the side bar but the one that is read, with a picture of each technique."""

import posixpath
import re

#: A part of the side bar: its name, and the list of its chapters.
PART = re.compile(
    r'<p [^>]*class="caption"[^>]*><span class="caption-text">(.*?)</span></p>\s*(<ul .*?\n</ul>)',
    re.DOTALL,
)
LINK = re.compile(r'(<a class="[^"]*reference internal" href="([^"]*)">)')


def setup(app):
    """Change what the theme makes of the table of contents, once it can make it."""
    app.connect("html-page-context", arrange, priority=900)


def arrange(app, pagename, templatename, context, doctree):
    """Have the template write the parts as we do."""
    if "generate_toctree_html" not in context:  # an ePub has no side bar
        return
    made, pictured = context["generate_toctree_html"], app.config.html_context.get("pictured", ())

    def pictured_link(link):
        page = pagename if link[2] == "#" else posixpath.join(posixpath.dirname(pagename), link[2])
        page = posixpath.normpath(page).removesuffix(".html")
        if page not in pictured:
            return link[0]
        source = context["pathto"](f"files/thumbnails/{posixpath.basename(page)}.png", 1)
        return f'{link[0]}<img src="{source}" alt="" width="20" height="20" loading="lazy"/>'

    def part(found):
        chapters = LINK.sub(pictured_link, found[2])
        is_open = " open" * ('class="current' in found[2])
        return f'<details class="part"{is_open}><summary>{found[1]}</summary>{chapters}</details>'

    context["generate_toctree_html"] = lambda *args, **kwargs: PART.sub(
        part, str(made(*args, **kwargs))
    )
