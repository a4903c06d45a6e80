"""A map: pictures at places, each with its name, and its nearest when one points at it."""

import base64
import html
import io
import textwrap

import numpy as np

from regularization.analysis.written import fixed
from regularization.report.pictures import thumbnail
from regularization.report.style import SPAN, Figure

SIZE = np.array([403, 290])  # of the drawing; its letters are those of other figures as wide
SIDE, LETTERS = 24, 5.9  # of a picture, and of its name
NEAREST = 3


def places(at, titles, pictures, distances, caption):
    """Show pictures `[n, height, width]` at places `[n, 2]`, as far as they leave each other room.

    Each is named, and shows its nearest by `distances`, `[n, n]`, on hover and on focus.
    """
    at = _apart(_within(np.asarray(at)))
    everything = "".join(
        _place(i, at, titles, picture, distances[i]) for i, picture in enumerate(pictures)
    )
    width, height = SIZE
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'role="group" aria-label="A map of the pictures of {len(titles)} techniques" '
        f'style="display:block;width:100%;max-width:{SPAN}rem;height:auto">{everything}</svg>'
    )
    return Figure(f'<div class="places">{svg}</div>', caption, wide=True)


def _place(own, at, titles, picture, distances):
    nearest = [n for n in np.argsort(distances, kind="stable") if n != own][:NEAREST]
    said = ", ".join(f"{titles[n]} ({fixed(distances[n], 2)})" for n in nearest)
    x, y = at[own]
    lines = "".join(f'<path d="M{x:.1f},{y:.1f}L{at[n][0]:.1f},{at[n][1]:.1f}"/>' for n in nearest)
    name = "".join(
        f'<tspan x="{x:.1f}" dy="{LETTERS}">{html.escape(line)}</tspan>'
        for line in textwrap.wrap(titles[own], 14)
    )
    file = io.BytesIO()
    thumbnail(picture).save(file, "PNG")
    image = base64.b64encode(file.getvalue()).decode()
    said = html.escape(f"{titles[own]}. Nearest: {said}.")
    return (
        f'<g class="place" tabindex="0" role="img" aria-label="{said}">{lines}'
        f'<image x="{x - SIDE / 2:.1f}" y="{y - SIDE / 2:.1f}" '
        f'width="{SIDE}" height="{SIDE}" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{image}"/><text x="{x:.1f}" y="{y + SIDE / 2:.1f}" '
        f'text-anchor="middle" style="font-size:{LETTERS}px">{name}</text></g>'
    )


def _within(at):
    """Lay places into the drawing, at one scale for both ways, with room for a picture."""
    room = SIZE - [2.6 * SIDE, 2 * SIDE]
    scale = np.min(room / np.ptp(at, axis=0))
    return (at - (at.min(axis=0) + at.max(axis=0)) / 2) * scale + SIZE / 2 - [0, SIDE / 4]


def _apart(at, rounds=400):
    """Push apart what would lie on each other: a picture has its name below it."""
    room, at = np.array([1.75, 1.9]) * SIDE, at.copy()
    for _ in range(rounds):
        before = at.copy()
        for i in range(len(at)):
            for j in range(i):
                over = room - np.abs(at[i] - at[j])
                if (over > 0).all():
                    axis = int(np.argmin(over))
                    push = np.sign(at[i, axis] - at[j, axis] or 1) * over[axis] / 4
                    at[i, axis] += push
                    at[j, axis] -= push
        at = at.clip([0.8 * SIDE, 0.6 * SIDE], SIZE - [0.8 * SIDE, 1.2 * SIDE])
        if np.array_equal(at, before):
            break
    return at
