"""A content security policy on every page: nothing is loaded from outside or sent anywhere, and no
script runs but the site's own.
"""

import base64
import hashlib
import html
import re
from pathlib import Path

SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)
HANDLER = re.compile(r"""\son[a-z]+=("[^"]*"|'[^']*')""")
#: What every page begins with: the policy follows, before anything is loaded.
CHARSET = '<meta charset="utf-8" />'
#: What a page may load, and from where. Styles are written into pages: pictures have some.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
}


def setup(app):
    """Write the policy when the site is written, after everything else that writes to pages."""
    app.connect("build-finished", write, priority=900)


def write(app, error):
    """Put into the head of every page what it may load."""
    if error or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        page = path.read_text(encoding="utf-8")
        meta = f'<meta http-equiv="Content-Security-Policy" content="{policy(page)}" />'
        path.write_text(page.replace(CHARSET, f"{CHARSET}\n    {meta}", 1), encoding="utf-8")


def policy(page):
    """Return the policy of a page, which knows the scripts written into it by their hashes."""
    scripts = [match for match in SCRIPT.findall(page) if match.strip()]
    handlers = [html.unescape(quoted[1:-1]) for quoted in HANDLER.findall(page)]
    known = [f"'sha256-{_hash(text)}'" for text in dict.fromkeys(scripts + handlers)]
    if handlers:
        known.append("'unsafe-hashes'")  # which lets them stand in an element's attribute
    allowed = POLICY | {"script-src": " ".join([POLICY["script-src"], *known])}
    return "; ".join(f"{what} {where}" for what, where in allowed.items())


def _hash(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
