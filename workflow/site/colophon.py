"""What the site says of itself: its first picture, what made it, and what one can take along."""

import csv
import json
import shutil
import tomllib
from html import escape
from pathlib import Path

import yaml

from regularization.analysis import claims
from regularization.core import data
from regularization.report import pictures, style, tables
from regularization.results import export, provenance
from regularization.study import registry
from workflow.build import brought, contents, records
from workflow.site import findings, shelf
from workflow.site.theme import sharing
from workflow.tools.repository import address

ROOT = Path(__file__).parents[2]
#: The digit whose weights stand beside a technique's name.
SHOWN = 3
#: The technique that the front page opens with.
OPENED_WITH = "L2"
#: What a row of results.csv says of a run.
OF_A_RUN = ["dataset", "preset", "steps", "batch_size", "learning_rate"]


def write(build, found, stage, files):
    """Write the parts that pages include into `stage`, and what one can take along into `files`."""
    shutil.copytree(build / "results", files / "results")
    preset = json.loads((build / "settings.json").read_text(encoding="utf-8"))["preset"]
    write_csv(found, preset, files / "results.csv")
    shutil.copy(ROOT / "CITATION.cff", files)
    (files / "thumbnails").mkdir()
    for slug in filter(registry.TECHNIQUES.__contains__, found):
        pictures.thumbnail(found[slug].weights[0, SHOWN]).save(files / "thumbnails" / f"{slug}.png")
    post = {
        f"{registry.title(slug)}, {100 * found[slug].test_accuracy.mean():.0f} % right": found[slug]
        for slug in registry.EXPERIMENTS
        if slug in found
    }
    write_cards(found, files / "cards")
    wall = pictures.wall(post, own_scales=True)
    parts = {
        "wall": raw(style.live(wall, "cover", film="cover", shown=OPENED_WITH)),
        "made": raw(table_of_makers(build, found)),
        "results": raw(table_of_results(found)),
        "cite": citation(),
        "findings": findings.written(stage),
        "contents": shelf.written(stage, files / "thumbnails"),
    }
    if (stage / "errata.md").is_file():
        parts["errata"] = raw(errata(build))
    (stage / "generated").mkdir()
    for name, text in parts.items():
        (stage / "generated" / f"{name}.txt").write_text(text + "\n", encoding="utf-8")
    (stage / "assets" / "colours.css").write_text(style.css(), encoding="utf-8")


def write_cards(found, folder):
    """Write what is shown where somebody links to a page: ten weight images, for each technique.

    That of the technique which opens the book is for all pages that have none.
    """
    folder.mkdir()
    slugs = [slug for slug in found if slug in registry.TECHNIQUES]
    for slug in slugs:
        pictures.card(found[slug].weights[0]).save(folder / f"{slug}.png")
    shown = next((slug for slug in slugs if registry.title(slug) == OPENED_WITH), slugs[0])
    shutil.copy(folder / f"{shown}.png", folder / "book.png")


def raw(figure):
    """Return a table as Markdown that keeps it as it is."""
    return f"```{{raw}} html\n{figure._repr_html_()}\n```"


def makers(build, found):
    """Return what made the pages, as pairs of words."""
    settings = json.loads((build / "settings.json").read_text(encoding="utf-8"))
    run = found.get("no_regularization") or next(iter(found.values()))
    made, versions = run.made, run.made["versions"]
    return [
        ("preset", settings["preset"]),
        ("data set", run.settings.dataset),
        ("steps", f"{run.settings.steps:,}"),
        ("seeds", ", ".join(map(str, run.settings.seeds))),
        ("device", made["device"]),
        ("backend", f"{made['backend']} {versions[made['backend']]}"),
        ("Keras", versions["keras"]),
        ("NumPy", versions["numpy"]),
        ("Python", versions["python"]),
        ("commit", provenance.commit()),
        ("date", provenance.date()),
    ]


def table_of_makers(build, found):
    """Return the makers as a table, and whether the runs were trained here."""
    notes = [
        json.loads(path.read_text(encoding="utf-8"))["runs"]
        for path in build.glob("logs/**/*.json")
    ]
    asked = {
        *records.used(build / "logs" / "site.runs"),
        *(name for names in notes for name in names),
    }
    elsewhere = len(asked & brought.brought(build / "runs"))
    said = f"{elsewhere:,} brought, {len(asked) - elsewhere:,} trained here" if elsewhere else "all"
    said = f"{len(asked):,}: {said}" + ("" if elsewhere else " trained here")
    made = dict(makers(build, found)) | {"runs": said}
    if source := data.SETS.get(made["data set"]):
        made["data set"] += f": {source.card.title}, {source.card.licence}"
    return tables.table(["", "this build"], [*made.items()], "What made these pages.")


def table_of_results(found):
    """Return the runs with links to their files."""
    rows = [
        [
            registry.title(slug),
            tables.percent(run.test_accuracy.values.ravel()),
            link(f"results/{slug}.json", "JSON", registry.title(slug)),
            link(f"results/{slug}.npz", "NPZ", registry.title(slug)),
        ]
        for slug, run in found.items()
    ]
    rows.append(["All runs", "", link("results.csv", "CSV", "all runs"), ""])
    rows.append(["The ledger", "", link("results/ledger.json", "JSON", "the ledger"), ""])
    headers = ["run", "test accuracy", "results", "weights"]
    return tables.table(headers, rows, "Test accuracy, results and weights of every run.")


def link(path, kind, of):
    """Return a link to a file that one can take along, as a cell of a table."""
    return style.Html(f'<a href="files/{path}" aria-label="{kind}: {of}">{kind}</a>')


def write_csv(found, preset, path):
    """Write a row for each run and seed."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["run", "technique", "seed", *OF_A_RUN, *export.MEASURES])
        for slug, run in found.items():
            models, _ = run.settings.of_models()
            own, kind = run.settings.technique.settings(), type(run.settings.technique).__name__
            fixed = {"dataset": run.settings.dataset, "preset": preset}
            fixed |= {name: getattr(run.settings, name) for name in ("steps", "batch_size")}
            of_seed = [getattr(run, name).values.ravel() for name in export.MEASURES]
            for i, seed in enumerate(models["seed"]):
                at = "; ".join(f"{k}={models[k][i] if k in models else v}" for k, v in own.items())
                measured = [values[i] for values in of_seed]
                rate = models["learning_rate"][i]
                rows.writerow([slug, f"{kind}({at})", seed, *fixed.values(), rate, *measured])


def cited():
    """Return what is cited of the book, by the names of BibTeX, from CITATION.cff."""
    known = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    lines = {
        "author": " and ".join(who["name"] for who in known["authors"]),
        "title": known["title"],
        "year": str(known["date-released"])[:4],
        "version": known["version"],
    }
    return lines | ({"url": address()} if address() else {})


def citation():
    """Return the citation as text and as BibTeX."""
    known = cited()
    text = "{author}: *{title}*, version {version}, {year}.".format(**known)
    text += f" <{known['url']}>" if "url" in known else ""
    file = '<a href="files/CITATION.cff">CITATION.cff</a>'
    bibtex = sharing.bibtex("software", "seeing_regularization", known)
    return f"{text}\n\n```bibtex\n{bibtex}\n```\n\n{file}"


def errata(build):
    """Return what an earlier edition said, as a table; a claim's verdict now is the ledger's."""
    known = tomllib.loads((ROOT / "book" / "errata.toml").read_text(encoding="utf-8"))
    path = build / "results" / "ledger.json"
    ledger = {claim.name: claim for claim in claims.load(path)} if path.is_file() else {}
    rows = []
    for each in known["erratum"]:
        if name := each.get("claim"):
            text, now = name, "see there"  # where the ledger has not been made
            if name in ledger:
                text, now = ledger[name].text, _now(ledger[name])
            at = f"reproduction.html#claim-{name}"
        else:
            at, text, now = f"{each['page']}.html", contents.title(each["page"]), each["now"]
        where = style.Html(f'<a href="{at}">{escape(text)}</a>')
        # On a phone the cells stand one below another, without their headers.
        rows.append([where, f"Then: {each['said']}", f"Now: {now}", each["why"]])
    caption = f"Errata of version {known['edition']}."
    return tables.table(["where", "then", "now", "why"], rows, caption, "stacked")


def _now(claim):
    """Return a claim's verdict in words, with its one check or how many of them hold."""
    if len(claim.checks) == 1:
        return f"{claim.verdict}: {claim.checks[0].estimate}"
    held = sum(check.outcome == claims.HOLDS for check in claim.checks)
    return f"{claim.verdict}: {held} of {len(claim.checks)} checks hold"


def footer(build, found):
    """Say in one line what made the pages."""
    words = (f"{escape(name)} {escape(value)}" for name, value in makers(build, found))
    return " · ".join(words)
