"""What the site says of itself: its first picture, what made it, and what one can take along."""

import csv
import json
import shutil
from html import escape
from pathlib import Path

import yaml
from contents import of_the_post
from repository import address

from regularization.report import pictures, style, tables
from regularization.results import run as runs

ROOT = Path(__file__).parents[1]
#: What a row of results.csv says of a run and one of its seeds.
OF_A_RUN = ["dataset", "preset", "steps", "batch_size", "learning_rate"]
OF_A_SEED = ["train_accuracy", "test_accuracy", "test_accuracy_as_published"]
OF_A_SEED += ["weight_min", "weight_max"]


def write(build, found, stage, files):
    """Write the parts that pages include into `stage`, and what one can take along into `files`."""
    # The tables of sweeps are no part of a build: they may come and go beside it.
    left_out = shutil.ignore_patterns(".*", "*.csv")
    shutil.copytree(build / "results", files / "results", ignore=left_out)
    write_csv(found, files / "results.csv")
    shutil.copy(ROOT / "CITATION.cff", files)
    post = {found[slug].title: found[slug] for slug in of_the_post()}
    parts = {
        "wall": raw(pictures.wall(post, own_scales=True)),
        "made": raw(table_of_makers(build, found)),
        "results": raw(table_of_results(found)),
        "cite": citation(),
    }
    (stage / "generated").mkdir()
    for name, text in parts.items():
        (stage / "generated" / f"{name}.txt").write_text(text + "\n")


def raw(figure):
    """Return a table as Markdown that keeps it as it is."""
    return f"```{{raw}} html\n{figure._repr_html_()}\n```"


def saved_runs(build):
    """Return every run of a build by its slug."""
    slugs = sorted(path.stem for path in (build / "results").glob("*.npz"))
    return {slug: runs.load(slug, build / "results") for slug in slugs}


def makers(build, found):
    """Return what made the pages, as pairs of words."""
    settings = json.loads((build / "settings.json").read_text())
    run = next(iter(found.values()))
    return [
        ("preset", settings["preset"]),
        ("data set", settings["dataset"]),
        ("steps", f"{run.steps:,}"),
        ("seeds", ", ".join(map(str, sorted(set(run.seeds))))),
        ("device", run.device),
        ("backend", f"{run.backend} {run.versions[run.backend]}"),
        ("Keras", run.versions["keras"]),
        ("NumPy", run.versions["numpy"]),
        ("Python", run.versions["python"]),
        ("commit", runs.provenance()["commit"]),
        ("date", runs.date()),
    ]


def table_of_makers(build, found):
    """Return the makers as a table."""
    return tables.table(["", "this build"], makers(build, found), "What made these pages.")


def table_of_results(found):
    """Return the runs with links to their files."""
    rows = [
        [
            run.title,
            tables.percent(run.test_accuracy),
            link(f"results/{slug}.json", "JSON", run.title),
            link(f"results/{slug}.npz", "NPZ", run.title),
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


def write_csv(found, path):
    """Write a row for each run and seed."""
    with open(path, "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["run", "technique", "seed", *OF_A_RUN, *OF_A_SEED])
        for slug, run in found.items():
            for i, seed in enumerate(run.seeds):
                one = run.of_replicas([i])
                settings = "; ".join(
                    f"{name}={value[0] if isinstance(value, list) else value}"
                    for name, value in one.technique.items()
                    if name != "name"
                )
                technique = f"{run.technique['name']}({settings})"
                of_run = [getattr(one, name) for name in OF_A_RUN]
                of_seed = [getattr(one, name)[0] for name in OF_A_SEED]
                rows.writerow([slug, technique, seed, *of_run, *of_seed])


def citation():
    """Return the citation as text and as BibTeX, from CITATION.cff."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    author = " and ".join(who["name"] for who in cited["authors"])
    title, version, released = cited["title"], cited["version"], str(cited["date-released"])
    lines = {
        "author": f"{{{author}}}",  # a second pair of braces: it is not a person's name
        "title": title,
        "year": released[:4],
        "version": version,
    }
    if address():
        lines["url"] = address()
    bibtex = ",\n".join(f"  {name:8}= {{{value}}}" for name, value in lines.items())
    text = f"{author}: *{title}*, version {version}, {released[:4]}." + (
        f" <{address()}>" if address() else ""
    )
    file = '<a href="files/CITATION.cff">CITATION.cff</a>'
    return f"{text}\n\n```bibtex\n@software{{seeing_regularization,\n{bibtex}\n}}\n```\n\n{file}"


def footer(build, found):
    """Say in one line what made the pages."""
    words = (f"{escape(name)} {escape(value)}" for name, value in makers(build, found))
    return " · ".join(words)
