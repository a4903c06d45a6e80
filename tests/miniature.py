"""A book of three short chapters, which the real workflow builds in seconds, for tests to break."""

import shutil
import subprocess
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
KEPT = ["Makefile", "Snakefile", "_config.yml", "CITATION.cff", "pyproject.toml"]
KEPT += ["requirements.txt", "src", "workflow", "profiles", "book/assets", "book/references.bib"]
TECHNIQUES = ("no_regularization", "l2", "dropout")
CHAPTER = """
from regularization import data
from regularization.experiments import train
from regularization.living import reel, save_film

digits = data.load(dataset)
run = train("{slug}", digits, preset)
for name in ("{slug}", "{slug}_tuned"):
    run.save(name)
save_film("{slug}", [reel({{"step": [run.steps]}}, run.weights[:1], run.test_accuracy[:1])])
print(run.test_accuracy)
"""


def write(folder):
    """Write the miniature into a folder: the workflow as it is, and chapters of its own."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".ipynb_checkpoints")
    for name in KEPT:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=ignored)
        else:
            shutil.copy2(ROOT / name, folder / name)  # with its time: the environment is newer
    (folder / ".venv").symlink_to(ROOT / ".venv")
    (folder / "book" / "index.md").write_text("# A miniature\n\nThree chapters, to be broken.\n")
    toc = "format: jb-book\nroot: index\nchapters:\n"
    toc += "".join(f"- file: techniques/{slug}\n" for slug in TECHNIQUES)
    (folder / "_toc.yml").write_text(toc)
    for slug in TECHNIQUES:
        write_chapter(folder, slug)
    return folder


def write_chapter(folder, slug, title=None):
    """Write a chapter that trains its technique and keeps what a chapter of techniques keeps."""
    parameters = nbformat.v4.new_code_cell('preset = "quick"\ndataset = "auto"', id="parameters")
    parameters.metadata.tags = ["parameters", "remove-cell"]
    cells = [
        parameters,
        nbformat.v4.new_markdown_cell(f"# {title or slug.capitalize()}", id="title"),
        nbformat.v4.new_code_cell(CHAPTER.format(slug=slug).strip(), id="train"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "book" / "techniques" / f"{slug}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)


def command(build="_build", **variables):
    """Return the command that builds the miniature, on the backend that starts soonest."""
    settings = {"BUILD": build, "PRESET": "quick", "DATA": "digits", "BACKEND": "jax"}
    variables = settings | variables
    return ["make", "--no-print-directory", "book", *(f"{k}={v}" for k, v in variables.items())]


def make(folder, build="_build", environment=None, **variables):
    """Build the miniature; return the finished process."""
    return subprocess.run(
        command(build, **variables), cwd=folder, env=environment, capture_output=True, text=True
    )


def contents(build):
    """Return what readers get of a build, and what chapters hand on: bytes by path."""
    folders = (build / name for name in ("results", "executed", "html"))
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(build).as_posix(): path.read_bytes() for path in files}


def leftovers(build):
    """Return files that were written half, and forgotten."""
    folders = (build / name for name in ("results", "executed", "logs"))
    return [path for folder in folders for path in folder.rglob(".*")]


def spoil(folder, chosen):
    """Lose something of a build, by a random number generator: all of it, or a chapter's copy."""
    if chosen.random() < 0.2:
        shutil.rmtree(folder / "_build", ignore_errors=True)
    (folder / "_build/executed/techniques" / f"{chosen.choice(TECHNIQUES)}.ipynb").unlink(
        missing_ok=True
    )
