"""Begin a technique: its code, test and chapter, and its lines in the lists. `make chapter`."""

import argparse
import json
import keyword
import re
import subprocess
import sys
from pathlib import Path

from workflow.build import contents
from workflow.tools import repository

ROOT = Path(__file__).parents[2]
TEMPLATE = Path(__file__).with_name("template")
#: Names of results that are no runs.
RESULTS = ("ledger",)
#: Above this line of the experiments stands the last of the relatives.
EXPERIMENTS = ROOT / "src" / "regularization" / "study" / "registry.py"
MARK = "    # `make chapter` adds its line above this one.\n"


def main():
    """Write everything, or stop with one paragraph and write nothing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--title", required=True)
    arguments = parser.parse_args()
    try:
        check(arguments.name, arguments.title)
        files = new_files(arguments.name, arguments.title) | lists(arguments.name)
    except ValueError as error:
        sys.exit(f'{error} For example: make chapter NAME=smoothing TITLE="Smoothing"')
    write(files)
    tidy([path for path in files if path.suffix in (".py", ".ipynb")])
    print("\n".join(["Written:", *(f"  {path.relative_to(ROOT)}" for path in files)]))
    print("Now `make quick` and `make test`; CONTRIBUTING.md says how it goes on.")


def check(name, title):
    """Raise ValueError for a name or a title that would not do."""
    of_class = class_name(name)
    valid = re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) and len(name) <= 40
    if not valid or {name, of_class} & set(keyword.kwlist) or name.endswith("_tuned"):
        raise ValueError(
            f"NAME={name!r} is no name for a technique. Expected a few small letters and digits, "
            "words joined by _, no word of Python's, not ending in _tuned."
        )
    taken = {page.rsplit("/")[-1] for page in contents.pages()} | set(RESULTS)
    for folder in ("src", "book", "tests"):
        taken |= {path.stem.removeprefix("test_") for path in (ROOT / folder).rglob("*.*")}
    if name in taken or f'"{name}"' in EXPERIMENTS.read_text(encoding="utf-8"):
        raise ValueError(
            f"NAME={name!r} is taken by a page, a module, a test or a run. Choose another."
        )
    if (
        of_class
        in (ROOT / "src/regularization/core/techniques/__init__.py")
        .read_text(encoding="utf-8")
        .split()
    ):
        raise ValueError(f"NAME={name!r}: there is a class {of_class}. Choose another.")
    if not re.fullmatch(r"[^\W\d_][\w ,'’()/+-]{0,29}", title) or re.search(r"\b\d", title):
        raise ValueError(
            f"TITLE={title!r} is no title. Expected one line of at most 30 letters, spaces and "
            "simple punctuation, beginning with a letter, digits only within a word."
        )


def class_name(name):
    """Return the name of a technique's class: `smooth_weights` is SmoothWeights."""
    return "".join(word.capitalize() for word in name.split("_"))


def new_files(name, title):
    """Return the texts of the new files by path, from the template."""

    words = {"SLUG": name, "CLASS": class_name(name), "TITLE": title}

    def filled(file):
        return re.sub(
            "|".join(words),
            lambda word: words[word[0]],
            (TEMPLATE / file).read_text(encoding="utf-8"),
        )

    notebook = json.loads(filled("chapter.ipynb"))
    notebook["cells"] = repository.with_set_up(notebook["cells"])
    chapter = json.dumps(notebook, indent=1, ensure_ascii=False) + "\n"
    return {
        ROOT / f"src/regularization/core/techniques/{name}.py": filled("technique.py"),
        ROOT / f"tests/unit/techniques/test_{name}.py": filled("test_technique.py"),
        ROOT / f"book/techniques/{name}.ipynb": chapter,
    }


def lists(name):
    """Return the texts of the lists by path, with a line for the technique in each."""
    of_class = class_name(name)
    imports = ROOT / "src/regularization/core/techniques/__init__.py"
    head, *lines = imports.read_text(encoding="utf-8").split(
        "\nfrom regularization.core.techniques."
    )
    lines = sorted(
        [*(line.rstrip("\n") for line in lines), f"{name} import {of_class} as {of_class}"]
    )

    toc = ROOT / "_toc.yml"
    text, chapters = (
        EXPERIMENTS.read_text(encoding="utf-8"),
        re.split(r"(?<=\n)(?=.*techniques/)", toc.read_text(encoding="utf-8")),
    )
    if text.count(MARK) != 1:
        raise ValueError(f"{EXPERIMENTS} has lost the line {MARK.strip()!r}. Put it back.")
    own = f'    "{name}": Experiment(techniques.{of_class}(strength=1e-3), tried=_STRENGTHS),\n'
    last, *others = chapters[-1].splitlines(keepends=True)
    entry = re.sub(r"techniques/\w+", f"techniques/{name}", last)
    return {
        imports: "\nfrom regularization.core.techniques.".join([head, *lines]) + "\n",
        EXPERIMENTS: text.replace(MARK, own + MARK),
        toc: "".join([*chapters[:-1], last, entry, *others]),
    }


def write(files):
    """Write texts by path, all of them or none."""
    before = {path: path.read_bytes() if path.is_file() else None for path in files}
    try:
        for path, text in files.items():
            path.write_text(text, encoding="utf-8")
    except BaseException:
        for path, content in before.items():
            path.unlink(missing_ok=True) if content is None else path.write_bytes(content)
        raise


def tidy(paths):
    """Put long lines and imports in the book's form."""
    for command in (["check", "--select", "I", "--fix"], ["format"]):
        subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--no-cache", "--quiet", *paths], cwd=ROOT
        )


if __name__ == "__main__":
    main()
