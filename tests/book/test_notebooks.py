"""The chapters as they are kept: stripped, stable, with parameters, in the table of contents."""

import json
import re

import nbformat
import pytest
from conftest import NOTEBOOKS, PAGES, ROOT
from nbstripout import strip_output

from regularization.core import techniques
from regularization.core.settings import Settings
from regularization.core.technique import Technique
from regularization.study import presets, registry
from regularization.study.registry import TECHNIQUES
from workflow.build import contents
from workflow.tools import repository

EACH = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)


@EACH
def test_a_notebook_is_stripped(path):
    notebook = nbformat.read(path, as_version=4)
    stripped = strip_output(nbformat.read(path, as_version=4), False, False, True)
    assert notebook == stripped
    assert set(notebook.metadata) <= {"kernelspec", "language_info"}
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "jupyter"}


@EACH
def test_its_cells_have_stable_ids_that_say_what_they_are(path):
    ids = [cell.id for cell in nbformat.read(path, as_version=4).cells]
    assert len(ids) == len(set(ids))
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", id) for id in ids)
    # A random id is eight hex digits.
    assert not any(re.fullmatch(r"[0-9a-f]{8}", id) for id in ids)


@EACH
def test_it_has_one_parameters_cell_with_the_workflows_names(path):
    cells = nbformat.read(path, as_version=4).cells
    (parameters,) = [c for c in cells if "parameters" in c.metadata.get("tags", [])]
    assert parameters.source == 'preset = "quick"\ndataset = "auto"'


@EACH
def test_its_code_cells_are_short(path):
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "code"]
    assert max(len(cell.source.splitlines()) for cell in cells) <= 25


@EACH
def test_it_opens_with_one_heading_and_skips_no_level(path):
    cells = [c for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown"]
    levels = [len(h) for c in cells for h in re.findall(r"^(#+) ", c.source, flags=re.MULTILINE)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))


def test_every_page_is_in_the_table_of_contents_once():
    kept = [p.relative_to(ROOT / "book").with_suffix("").as_posix() for p in PAGES]
    assert sorted(contents.pages()) == sorted(kept)


def test_every_experiment_has_its_chapter():
    chapters = {path.stem for path in (ROOT / "book" / "techniques").glob("*.ipynb")}
    assert set(TECHNIQUES) == chapters


@EACH
def test_it_sets_itself_up_where_the_configuration_names_a_repository(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert cells == repository.with_set_up(cells), "run `make repository`"


@pytest.mark.parametrize("slug", TECHNIQUES)
def test_the_settings_that_a_techniques_chapter_shows_are_those_of_the_registry(slug):
    path = ROOT / "book" / "techniques" / f"{slug}.ipynb"
    (cell,) = [cell for cell in nbformat.read(path, as_version=4).cells if cell.id == "train"]
    asked = []
    known = vars(techniques) | {"Settings": Settings, "Technique": Technique, "digits": None}
    known |= {"FRAMES": registry.FRAMES, "size": presets.of("book", "quick")}
    exec(cell.source, known | {"train": lambda settings, digits: asked.append(settings)})
    assert asked == [registry.settings(slug, "quick")]


WITH_EXERCISES = [*registry.EXPERIMENTS, *(p.stem for p in (ROOT / "book/why").glob("*.ipynb"))]


@pytest.mark.parametrize("stem", WITH_EXERCISES)
def test_each_exercise_has_a_solution_that_is_folded_and_executed(stem):
    (path,) = (ROOT / "book").rglob(f"{stem}.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    ids = [cell.id for cell in cells]
    last = cells[ids.index("exercises") + 1 : ids.index("further")]
    asked, solved = last[::2], last[1::2]
    assert 2 <= len(asked) == len(solved) <= 3
    for number, (question, solution) in enumerate(zip(asked, solved, strict=True), 1):
        assert question.id == f"exercise-{number}" and solution.id == f"solution-{number}"
        assert question.source.startswith(f"**Exercise {number}.** ")
        assert solution.cell_type == "code" and solution.metadata.tags == ["hide-cell"]
        assert all(solution.metadata.jupyter.values())  # JupyterLab folds it, too


@pytest.mark.parametrize("slug", registry.RELATIVES)
def test_a_relatives_chapter_says_where_one_meets_it_in_practice(slug):
    path = ROOT / "book" / "techniques" / f"{slug}.ipynb"
    (cell,) = [cell for cell in nbformat.read(path, as_version=4).cells if cell.id == "further"]
    assert cell.source.startswith("## Further reading\n\n*In practice:* ")


@EACH
def test_its_last_code_is_for_the_reader_to_change(path):
    cells = nbformat.read(path, as_version=4).cells
    code = [c for c in cells if c.cell_type == "code" and not c.id.startswith("solution-")]
    assert code[-1].id == "try-it"
    headings = [h for c in cells for h in re.findall(r"^## (.+)", c.source, flags=re.MULTILINE)]
    assert "Try it yourself" in headings
