"""Small books, which the real workflow builds in seconds, for tests to break and to compare.

One has three chapters of a few lines, which write what a chapter writes and mostly do not train: a
kernel without Keras starts in a second. The other is an extract of the book itself.
"""

import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import yaml

ROOT = Path(__file__).parents[1]
KEPT = ["Makefile", "Snakefile", "_config.yml", "CITATION.cff", "pyproject.toml"]
KEPT += ["requirements.txt", "src", "workflow", "profiles", "book/assets", "book/references.bib"]
TECHNIQUES = ("no_regularization", "l2", "dropout")
#: Asks the store for what a chapter of a technique asks it for. What is trained is drawn instead,
#: as tests that end chapters by force need no more.
DRAWN = """
import time
import numpy as np
from regularization.core import data
from regularization.results import store
from regularization.study import tuning

def drawn(settings, digits, tell):
    rng, shape = np.random.default_rng(len("{slug}")), settings.shape
    weights = rng.standard_normal((*shape, 10, *digits.shape), "float32")
    half, frames = np.full(shape, 0.5), weights[..., 0, :, :, :]
    names = ("train", "validation", "test")
    found = {{f"{{name}}_accuracy": half for name in names}}
    found |= {{"test_accuracy_as_published": half}}
    found |= {{f"curve.{{name}}": half[None] for name in ("train_loss", "test_accuracy")}}
    found |= {{"weights": weights, "parameters.kernel": weights, "curve.step": np.array([1])}}
    return found | {{"frames.step": np.array([0]), "frames.weights": frames[None]}}

store.fit, store.backend.device = drawn, lambda: "CPU"
digits = data.load(dataset)
time.sleep(0.5)
runs = [find("{slug}", digits, preset) for find in (tuning.trained, tuning.tuned, tuning.along)]
print(float(runs[0].weights.mean()))
"""
TRAINED = """
from regularization.core import data
from regularization.study import tuning

digits = data.load(dataset)
runs = [find("{slug}", digits, preset) for find in (tuning.trained, tuning.tuned, tuning.along)]
print(runs[0].test_accuracy.values)
"""


def write(folder, trains=False):
    """Write the miniature into a folder: the workflow as it is, and chapters of its own."""
    copy_of_the_rest(folder)
    (folder / "book" / "index.md").write_text(
        "# A miniature\n\nThree chapters, to be broken.\n", encoding="utf-8"
    )
    toc = "format: jb-book\nroot: index\nchapters:\n"
    toc += "".join(f"- file: techniques/{slug}\n" for slug in TECHNIQUES)
    (folder / "_toc.yml").write_text(toc, encoding="utf-8")
    for slug in TECHNIQUES:
        write_chapter(folder, slug, code=TRAINED if trains else DRAWN)
    return folder


def copy_of_the_rest(folder):
    """Copy into a folder what a book needs beside its pages."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints")
    for name in KEPT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy2(ROOT / name, folder / name)  # with its time: the environment is newer
    (folder / ".venv").symlink_to(ROOT / ".venv")


def write_chapter(folder, slug, title=None, code=DRAWN):
    """Write a chapter that keeps what a chapter of techniques keeps."""
    parameters = nbformat.v4.new_code_cell('preset = "quick"\ndataset = "auto"', id="parameters")
    parameters.metadata.tags = ["parameters", "remove-cell"]
    cells = [
        parameters,
        nbformat.v4.new_markdown_cell(f"# {title or slug.capitalize()}", id="title"),
        nbformat.v4.new_code_cell(code.format(slug=slug).strip(), id="train"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "book" / "techniques" / f"{slug}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


#: The pages of the extract: of each kind one, and what they read.
PAGES = ["index", *(f"techniques/{slug}" for slug in TECHNIQUES), "comparison", "living"]
PAGES += ["glossary", "references", "colophon"]


def extract(folder):
    """Write an extract of the book into a folder: some of its pages, with three techniques.

    Links to pages that are left out, and numbers of their figures, become plain words.
    """
    copy_of_the_rest(folder)
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    for part in toc["parts"]:
        part["chapters"] = [each for each in part["chapters"] if each["file"] in PAGES]
    toc["parts"] = [part for part in toc["parts"] if part["chapters"]]
    (folder / "_toc.yml").write_text(yaml.safe_dump(toc, sort_keys=False), encoding="utf-8")
    path = folder / "src" / "regularization" / "study" / "registry.py"
    all_of_them, text = "TECHNIQUES = EXPERIMENTS | RELATIVES", path.read_text(encoding="utf-8")
    assert text.count(all_of_them) == 1
    fewer = f"EXPERIMENTS = {{k: v for k, v in EXPERIMENTS.items() if k in {TECHNIQUES}}}\n"
    path.write_text(text.replace(all_of_them, f"{fewer}TECHNIQUES = EXPERIMENTS"), encoding="utf-8")
    for page in PAGES:
        (source,) = [*(ROOT / "book").glob(f"{page}.ipynb"), *(ROOT / "book").glob(f"{page}.md")]
        target = folder / "book" / source.relative_to(ROOT / "book")
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".md":
            target.write_text(without_links(source.read_text(encoding="utf-8")), encoding="utf-8")
            continue
        chapter = nbformat.read(source, as_version=4)
        for cell in chapter.cells:
            if cell.cell_type == "markdown":
                cell.source = without_links(cell.source)
        nbformat.write(chapter, target)
    return folder


def without_links(text):
    """Leave of links to other pages their words."""
    return re.sub(r"\[([^\]]*)\]\((?!https?:|#)[^)]*\)", r"\1", text)


def command(build="_build", **variables):
    """Return the command that builds the miniature, on the backend that starts soonest."""
    settings = {"BUILD": build, "PRESET": "quick", "DATA": "digits", "BACKEND": "jax"}
    variables = settings | variables
    return ["make", "--no-print-directory", "book", *(f"{k}={v}" for k, v in variables.items())]


def make(folder, build="_build", environment=None, **variables):
    """Build the miniature; return the finished process."""
    return subprocess.run(
        command(build, **variables),
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
    )


def contents(build):
    """Return what readers get of a build, and what chapters hand on: bytes by path."""
    folders = (build / name for name in ("results", "executed", "html"))
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(build).as_posix(): path.read_bytes() for path in files}


def leftovers(build):
    """Return files that were written half, and forgotten."""
    folders = (build / name for name in ("results", "executed", "logs", "runs"))
    return [path for folder in folders for path in folder.rglob(".*")]


def spoil(folder, chosen):
    """Lose something of a build, by a random number generator: all of it, or a chapter's copy."""
    if chosen.random() < 0.2:
        shutil.rmtree(folder / "_build", ignore_errors=True)
    (folder / "_build/executed/techniques" / f"{chosen.choice(TECHNIQUES)}.ipynb").unlink(
        missing_ok=True
    )
