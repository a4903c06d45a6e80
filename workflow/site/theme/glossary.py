"""Show what a term means where it is used: on hover, and on keyboard focus, without a script."""

from html import escape

from docutils import nodes


def setup(app):
    """Add the definitions when pages are written."""
    app.connect("doctree-resolved", explain)


def explain(app, doctree, docname):
    """Put the definition beside each link to an entry of the glossary."""
    if docname == "glossary" or "glossary" not in app.env.found_docs:
        return
    meanings = definitions(app.env.get_doctree("glossary"))
    seen = 0
    for link in list(doctree.findall(nodes.reference)):
        target = link.get("refuri", "").rpartition("#")[2]
        if target not in meanings:
            continue
        seen += 1
        html = (
            f'<span class="term"><a href="{link["refuri"]}" aria-describedby="term-{seen}">'
            f"{escape(link.astext())}</a>"
            f'<span role="tooltip" id="term-{seen}">{escape(meanings[target])}</span></span>'
        )
        link.replace_self(nodes.raw("", html, format="html"))


def definitions(glossary):
    """Return the text of every definition by the id of its term."""
    meanings = {}
    for item in glossary.findall(nodes.definition_list_item):
        text = item[-1].astext().replace("\n", " ")
        for term in item.findall(nodes.term):
            meanings |= dict.fromkeys(term["ids"], text)
    return meanings
