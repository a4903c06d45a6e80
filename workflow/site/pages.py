"""Build the site, strictly, from the executed chapters: all of it or none."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import yaml

from regularization.core import data
from regularization.results.files import alone
from workflow.build import contents, folder, records
from workflow.build.safely import in_words

ROOT = Path(__file__).parents[2]
#: A chapter opens with the run of its name, or with this one.
OPENED_BY = {"corrected": "drawn_weights"}
#: What is said where a builder of Sphinx's fails.
WHAT = {
    "html": "site was not built",
    "singlehtml": "book's single page was not built",
    "epub": "ePub was not built",
    "linkcheck": "links do not all lead somewhere",
}


def main():
    """Stage the executed book, build it, and put the site in place of the one before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--builder", default="html", choices=WHAT)
    parser.add_argument("--inputs", type=Path, nargs="+", default=[], help="what it depends on")
    arguments = parser.parse_args()
    with in_words("The site", arguments.build):
        with alone(arguments.build / ".site.lock", f"the pages in {arguments.build}"):
            inputs = records.hashes(arguments.inputs)
            make(arguments)
            if inputs:
                folders = (arguments.build / name for name in ("html", "results"))
                pages = [p for each in folders for p in each.rglob("*") if p.is_file()]
                asked = records.used(arguments.build / "logs" / "site.runs")
                records.write(arguments.build / "site.json", inputs, pages, runs=asked)


def make(arguments):
    """Build all pages in a folder beside, then put it in place."""
    build, builder = arguments.build.absolute(), arguments.builder
    settings = json.loads((build / "settings.json").read_text(encoding="utf-8"))
    os.environ["KERAS_BACKEND"] = settings["backend"]  # of the runs, before these import it
    from workflow.site import downloads

    work = build / "site"
    shutil.rmtree(work, ignore_errors=True)
    found = downloads.write(build)
    stage(build, found)
    config = build / "config.yml"
    config.write_text(
        yaml.safe_dump(configuration(build, found, builder), allow_unicode=True), encoding="utf-8"
    )

    command = ["jupyter-book", "build", str(build / "stage"), "--config", str(config)]
    command += ["--toc", str(ROOT / "_toc.yml"), "--path-output", str(work)]
    command += ["--builder", "custom", "--custom-builder", builder]
    command += ["-W", "-n", "--keep-going", "-q"]
    with open(arguments.log, "w", encoding="utf-8") as log:
        status = subprocess.call(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
    if status:
        lines = re.sub(r"\x1b\[[\d;]*m", "", arguments.log.read_text(encoding="utf-8")).splitlines()
        warnings = [line for line in lines if "WARNING" in line or "ERROR" in line] or lines[-5:]
        said = " ".join(dict.fromkeys(warnings[:5])).replace(f"{build / 'stage'}", "book")
        if "cross-reference target not found" in said:
            said += " (A figure's name is its page and its cell's id, which some editors drop.)"
        sys.exit(
            f"The {WHAT[builder]}: {said} Expected a build without warnings. The log is "
            f"{arguments.log}."
        )
    # For a next build of the same folder, which never comes, and with this one's path in it.
    (work / "_build" / builder / ".buildinfo").unlink(missing_ok=True)
    folder.replace(build / builder, (work / "_build" / builder).rename)
    shutil.rmtree(work)


def stage(build, found):
    """Lay out what Sphinx reads: the pages, executed, what they open with, and the colophon."""
    from workflow.site import colophon, live, openings

    staged, files = build / "stage", build / "files"
    for each in (staged, files):
        shutil.rmtree(each, ignore_errors=True)
    hidden = shutil.ignore_patterns(".*")
    shutil.copytree(ROOT / "book", staged, ignore=shutil.ignore_patterns("*.ipynb", ".*"))
    named = contents.pages()
    for path in staged.rglob("*.md"):
        page = path.relative_to(staged).with_suffix("").as_posix()
        if page not in named:
            print(f"book/{page}.md is left out: _toc.yml does not name it.")
            path.unlink()
    shutil.copytree(build / "executed", staged, dirs_exist_ok=True, ignore=hidden)
    shutil.copytree(build / "executed", files / "files" / "executed", ignore=hidden)
    for path in staged.rglob("*.ipynb"):
        page = path.relative_to(staged)
        empty = files / "files" / page
        empty.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "book" / page, empty)
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if "id" in cell:  # Sphinx knows a cell by its metadata alone
                cell["metadata"]["name"] = cell["id"]
            if "hide-cell" in cell["metadata"].get("tags", []):
                said = ("code_prompt_show", "code_prompt_hide")
                cell["metadata"]["mystnb"] = dict.fromkeys(said, "A solution")
            if cell.get("id") == live.CELL and cell["cell_type"] == "code":
                cell["outputs"][:0] = live.outputs(cell, build, page.with_suffix(""))
        slug, ledger = OPENED_BY.get(path.stem, path.stem), build / "results" / "ledger.json"
        below_title = contents.title_of(notebook["cells"]) + 1
        if slug in found:
            notebook["cells"].insert(below_title, openings.ribbon(found[slug], slug))
        elif path.stem == openings.LEDGER and ledger.is_file():
            notebook["cells"].insert(below_title, openings.verdicts(notebook["cells"], ledger))
        path.write_text(json.dumps(notebook), encoding="utf-8")
    colophon.write(build, found, staged, files / "files")


def configuration(build, found, builder):
    """Return the configuration with a footer that says what made the pages, and a banner if due."""
    from workflow.site import colophon

    config = contents.read("_config.yml")
    sphinx = config["sphinx"]["config"]
    options = sphinx["html_theme_options"]
    options["extra_footer"] = f"<p>{colophon.footer(build, found)}</p>"
    if not options.get("repository_url"):
        options.pop("launch_buttons", None)  # they would lead nowhere
    sphinx["html_extra_path"] = [str(build / "files")]
    sphinx["html_context"]["notebooks"] = contents.notebooks()
    cited = sphinx["html_context"]["cited"] = colophon.cited()
    techniques = [page for page in contents.notebooks() if page.startswith("techniques/")]
    sphinx["html_context"]["pictured"] = [page for page in techniques if Path(page).name in found]
    settings = json.loads((build / "settings.json").read_text(encoding="utf-8"))
    reasons = []
    if settings["preset"] == "quick":
        reasons.append("a quick build: few steps and seeds, so its numbers are not the book's")
    if (name := settings["dataset"]) == "digits":
        reasons.append(f"built on {data.title(name)}, a stand-in for MNIST")
    elif name != "mnist":
        reasons.append(
            f"built on {data.title(name)}: numbers, tables and verdicts are its own, "
            "what sentences make of them was found on MNIST"
        )
    if reasons:
        options["announcement"] = f"This is {', and '.join(reasons)}."
    if builder == "epub":
        sphinx.update(of_an_epub(config, build, cited["version"]))
    return config


def of_an_epub(config, build, version):
    """Return the settings of Sphinx's that an ePub needs: other styles, no scripts, no data."""
    name = f"seeing-regularization-{version}"
    cards = (build / "files" / "files" / "cards").iterdir()
    return {
        "version": version,
        "html_js_files": [],
        "html_static_path": ["assets/ebook.css"],
        "moved": {},
        "suppress_warnings": ["epub.unknown_project_files"],  # data
        "epub_exclude_files": [f"files/cards/{path.name}" for path in cards if path.stem != "book"],
        "epub_author": config["author"],
        "epub_contributor": config["author"],
        "epub_copyright": f"{config['copyright']}, {config['author']}",
        "epub_cover": ["files/cards/book.png", "epub-cover.html"],
        "epub_css_files": ["ebook.css"],
        "epub_description": metadata("seeing-regularization")["summary"],
        "epub_identifier": name,
        "epub_show_urls": "no",
        "epub_title": config["title"],
        "epub_tocdepth": 1,
        "epub_tocscope": "includehidden",
        "epub_uid": name,
        "epub_use_index": False,
    }


if __name__ == "__main__":
    main()
