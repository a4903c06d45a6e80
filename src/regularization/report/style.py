"""How a figure looks and what it is: HTML with its caption and an alt text that says what is seen.

Figures are SVG inside HTML, drawn without ground and in the page's own text colour, so one source
serves light pages, dark pages and JupyterLab.
"""

import base64
import hashlib
import html
import io
import json
import re
from dataclasses import dataclass, replace

import matplotlib.pyplot as plt
import numpy as np
from cycler import cycler
from matplotlib.colors import LinearSegmentedColormap
from PIL import Image

#: Negative is dark, zero grey, positive light: also without colour, on any ground.
SIGNED = ("#06184d", "#2f62b3", "#8b8f96", "#eaae55", "#fff6d6")
DIVERGING = LinearSegmentedColormap.from_list("diverging", SIGNED)
#: Five lines that differ in hue and in dash, so also without colour, on white and on black.
LINES = ("#3a86d6", "#d9730d", "#23a06b", "#b06ad1", "#d64560")
DASHES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))
MARK, RANGE, GUIDE = LINES[1], SIGNED[1], "#808080"  # a point, its interval, what they are held to
TEXT = "#010203"  # stands for the page's own, light or dark: `drawn` writes it as currentColor

WIDTH = 5.6  # inches of a figure that is as wide as the text, or as text and margin
MEASURE, SPAN = 38, 66.4  # rem: how wide these are at most

STYLE = {
    "savefig.transparent": True,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor"), TEXT),
    **dict.fromkeys(("xtick.color", "ytick.color"), TEXT),
    **dict.fromkeys(("font.size", "axes.titlesize"), 12.5),
    "axes.titley": 1.0,  # to look for ticks above would take half of a grid's time
    **dict.fromkeys(("axes.spines.top", "axes.spines.right", "legend.frameon"), False),
    **dict.fromkeys(("axes.linewidth", "xtick.major.width", "ytick.major.width"), 0.6),
    "lines.linewidth": 1.6,
    "image.interpolation": "none",
    "figure.constrained_layout.use": True,
    "svg.fonttype": "none",
    "axes.prop_cycle": cycler(color=LINES, linestyle=DASHES),
}
#: Whatever a reader's own matplotlibrc says.
BASE = ["default", STYLE]


def css():
    """Return colours and widths for the pages' own styles and scripts: CSS's custom properties."""
    shared = {"signed": " ".join(SIGNED), "mark": MARK, "line": LINES[0]}
    shared |= {"measure": f"{MEASURE}rem", "widest": f"{SPAN}rem"}
    return ":root {" + "".join(f" --book-{k}: {v};" for k, v in shared.items()) + " }\n"


@dataclass(frozen=True)
class Figure:
    """A picture or table as HTML, with its caption; notebooks display it as it stands.

    Its `kind` is "Figure", "Table", "Opening" or "Finding". The site numbers the first two. A table
    has its caption within, an opening shows none. One that is `wide` takes the margin, too, where
    the page has one. A page that is served makes a figure `live`: by the name of a widget
    (assets/living) and what it is told.
    """

    content: str
    caption: str
    alt: str = ""
    kind: str = "Figure"
    live: str = ""
    wide: bool = False

    def _repr_html_(self):
        below = ""
        if self.kind in ("Figure", "Finding"):
            below = f"<figcaption>{caption_of(self.caption)}</figcaption>"
        room = " full-width" * self.wide
        return (
            f'<figure class="book-figure{room}" data-kind="{self.kind}"{self.live}>'
            f"{self.content}{below}</figure>"
        )

    def __repr__(self):
        return f"Figure: {self.caption} {self.alt}"


def live(figure, widget, **told):
    """Return a figure that a widget (assets/living) takes over where the page is served."""
    return replace(figure, live=live_by(widget, **told))


def live_by(widget, **told):
    """Return the attributes that name a widget and what it is told."""
    return f' data-live="{widget}" data-told="{html.escape(json.dumps(told))}"'


def switched(figures, legend, caption, shown=0):
    """Return figures, a dict by what each is of, as one of which a reader chooses which to see.

    That takes no script. Where there are no styles, as in JupyterLab, and on paper it is the one
    that is `shown` first.
    """
    group = hashlib.sha256(f"{legend}{caption}".encode()).hexdigest()[:8]
    choices, contents = "", ""
    for place, (name, figure) in enumerate(figures.items()):
        checked, hidden = ("", " hidden") if place != shown else (" checked", "")
        choices += (
            f'<label><input type="radio" name="{group}"{checked}/> {html.escape(name)}</label>'
        )
        contents += f"<div{hidden}>{figure.content}</div>"
    choices = f'<fieldset class="switch"><legend>{html.escape(legend)}</legend>{choices}</fieldset>'
    return Figure(f'{choices}<div class="switched">{contents}</div>', caption)


def caption_of(text):
    """Return a caption as HTML."""
    return f'<span class="caption-text">{html.escape(text)}</span>'


def drawn(draw, size, caption, alt, wide=False):
    """Run `draw(figure)` on an empty figure of `size` inches; return the `Figure`.

    One of `WIDTH` is as wide as a page's text is at most; a `wide` one as wide as it has room.
    """
    # The salt makes ids differ between the figures of a page, and agree between two builds.
    with plt.style.context(BASE), plt.rc_context({"svg.hashsalt": caption + alt}):
        figure = plt.figure(figsize=size)
        draw(figure)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
        plt.close(figure)
    room = size[0] / WIDTH * (SPAN if wide else MEASURE)
    svg = file.getvalue()
    svg = svg[svg.index("<svg") :].replace(TEXT, "currentColor").strip()
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*"', "<g", svg)
    svg = re.sub(r'(<image [^>]*?)id="image\w*" ?', r"\1", svg)  # equal pictures have equal ids
    svg = re.sub(r"font-family: [^;]*; ", "", svg)  # the page's own
    svg = re.sub(r'(?<=data:image/png;base64,)[^"]+', _with_palette, svg)
    svg = re.sub(r' (?:d|x|y|transform)="[^"]*"', _rounded, re.sub(r"\s+", " ", svg))
    svg = re.sub(
        r'<svg [^>]*viewBox="([^"]*)"[^>]*>',
        r'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        rf'viewBox="\1" role="img" aria-label="{html.escape(alt)}" '
        f'style="display:block;width:100%;max-width:{room:.1f}rem;height:auto">',
        svg,
        count=1,
    )
    return Figure(svg, caption, alt, wide=wide)


def _with_palette(png):
    """Write a PNG in base64 as one with a palette, where its colours are few: half as long."""
    picture = np.array(Image.open(io.BytesIO(base64.b64decode(png[0]))).convert("RGBA"))
    colours, places = np.unique(picture.reshape(-1, 4), axis=0, return_inverse=True)
    if len(colours) > 256 or colours[:, 3].min() < 255:
        return png[0]
    packed = Image.fromarray(places.reshape(picture.shape[:2]).astype("uint8"), "P")
    packed.putpalette(colours[:, :3].tobytes())
    file = io.BytesIO()
    packed.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()


def _rounded(attribute):
    """Cut the numbers of an attribute of SVG to a thousandth of a point."""
    return re.sub(r"(\.\d{3})\d+", r"\1", attribute[0])


class Html(str):
    """A table cell that is HTML as it stands."""
