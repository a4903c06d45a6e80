"""What made a run: the code that it reaches and no other, versions, and the day."""

import ast
import os
import shutil
import subprocess
import sys
from copy import copy
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest

from regularization.core import techniques
from regularization.core.technique import Technique
from regularization.core.techniques import L1, L2, Dropout, GaussianWeights, Mixup
from regularization.results import provenance
from regularization.study import registry

EACH = registry.TECHNIQUES | registry.CORRECTIONS
#: What every training reaches.
LOOP = {
    *("backend", "fit", "model", "monitor", "noise", "program", "settings", "streams"),
    *("subsets", "team", "technique"),
}


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package, whose sources are taken for the sources."""
    folder = tmp_path / "regularization"
    shutil.copytree(provenance.PACKAGE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "PACKAGE", folder)
    return folder


def sources():
    """The hash of what training each technique reaches, by slug."""
    return {slug: provenance.of_training(each.technique) for slug, each in EACH.items()}


def changed(before):
    """The techniques whose sources are others now."""
    return {slug for slug, now in sources().items() if now != before[slug]}


def with_other_words(code):
    """Code that does the same: other docstrings and comments, more of them, spaces, line ends."""
    lines = code.splitlines()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            at = node.body[0].lineno - 1
            lines[at] = lines[at].replace('"""', '"""In other words: ', 1)
        elif isinstance(node, ast.Return):
            lines[node.lineno - 1] = f"{' ' * node.col_offset}# Done.\n\n{lines[node.lineno - 1]}"
        elif isinstance(node, ast.Assign) and '"""' not in lines[node.end_lineno - 1]:
            lines[node.end_lineno - 1] += "  # said beside it"
    return "# A comment first.\n" + "\n".join(lines) + "\n\n\n# The end.\n"


def test_neither_comments_nor_docstrings_change_what_a_run_is_kept_under(package):
    before, exact = sources(), provenance.of_modules(package / "analysis" / "exact.py")
    for path in [*(package / "core").rglob("*.py"), package / "analysis" / "exact.py"]:
        code = path.read_text(encoding="utf-8")
        words = with_other_words(code)
        assert len(words) > len(code)
        assert ast.unparse(ast.parse(words)) != ast.unparse(ast.parse(code)) or "def" not in code
        path.write_bytes(words.replace("\n", "\r\n").encode())
    assert not changed(before)
    assert provenance.of_modules(package / "analysis" / "exact.py") == exact


def test_another_formula_changes_the_sources_of_its_technique_alone(package):
    before = sources()
    path = package / "core" / "techniques" / "l2.py"
    code = path.read_text(encoding="utf-8")
    assert "0.5 * total(" in code
    path.write_text(code.replace("0.5 * total(", "0.25 * total("), encoding="utf-8")
    assert changed(before) == {"l2", "l2_path"}
    path.write_text(code, encoding="utf-8")
    assert not changed(before)


@pytest.mark.parametrize(
    "name", [p.stem for p in Path(techniques.__file__).parent.glob("[a-z]*.py")]
)
def test_a_techniques_module_belongs_to_those_that_are_made_of_it(package, name):
    before, path = sources(), package / "core" / "techniques" / f"{name}.py"
    path.write_text(path.read_text(encoding="utf-8") + "\nmore = 1\n", encoding="utf-8")
    module = f"regularization.core.techniques.{name}"
    expected = {
        slug
        for slug, each in EACH.items()
        if any(kind.__module__ == module for kind in type(each.technique).__mro__)
    }
    assert changed(before) == expected != set()


def test_the_loop_belongs_to_every_run_and_what_shows_it_to_none(package):
    before = sources()
    for path in sorted(package.rglob("*.py")):
        inside = path.relative_to(package)
        if "techniques" in inside.parts or path.name == "__init__.py":
            continue
        code = path.read_text(encoding="utf-8")
        path.write_text(code + "\nmore = 1\n", encoding="utf-8")
        if inside.parent.name == "core" and path.stem in LOOP:
            expected = set(EACH)
        else:
            expected = {"augmentation"} if path.stem == "geometry" else set()
        assert changed(before) == expected, inside
        path.write_text(code, encoding="utf-8")


def test_what_is_computed_depends_on_the_modules_that_it_reaches(package):
    exact = package / "analysis" / "exact.py"
    before = provenance.of_modules(exact)
    (package / "report" / "plots.py").write_text("more = 1\n", encoding="utf-8")
    (package / "core" / "techniques" / "l2.py").write_text("more = 1\n", encoding="utf-8")
    assert provenance.of_modules(exact) == before
    exact.write_text(
        exact.read_text(encoding="utf-8").replace("maxcor=50", "maxcor=40"), encoding="utf-8"
    )
    assert provenance.of_modules(exact) != before


@pytest.mark.parametrize(
    "line",
    [
        "import regularization.core.noise",
        "import regularization.core.noise as n",
        "from regularization.core import noise",
        "from regularization.core import noise as n, model",
        "from regularization.core.noise import draw",
        "def later():\n    from regularization.core.noise import draw",
        "if True:\n    import numpy, regularization.core.noise",
    ],
)
def test_an_import_is_found_wherever_it_stands(line):
    found = provenance.imported(line)
    assert provenance.PACKAGE / "core" / "noise.py" in found
    assert all(path.is_file() for path in found)


@pytest.mark.parametrize("line", ["import numpy", "from keras import ops", "noise = 'core.noise'"])
def test_what_is_not_of_the_package_is_not_reached(line):
    assert provenance.imported(line) == set()


ALIKE = [
    ("x = 1", "x = 1  # one"),
    ("x = 1", "# one\n\n\nx   =   1\n\n"),
    ('"""What."""\nx = 1', "x = 1"),
    ('def f():\n    """What."""\n    return 1', "def f():\n    'What else.'\n\n    return 1"),
    ("f(1,\n  2)", "f(1, 2)"),
    ("x = 1\ny = 2", "x = 1\ny = 2\n"),
]
APART = [
    ("x = 1", "x = 2"),
    ("x = 1", "y = 1"),
    ("x = a + b", "x = a - b"),
    ('x = "a"', 'x = "b"'),
    ("x = 1\nif a:\n    y = 2", "if a:\n    x = 1\n    y = 2"),
    ("if a:\n    x = 1\ny = 2", "if a:\n    x = 1\n    y = 2"),
    ("x = f'{a}'", "x = f'{b}'"),
    ("def f(): return '''What.'''", "def f(): return '''Not.'''"),
    ("# x = 1", "x = 1"),
]


@pytest.mark.parametrize("one, other", ALIKE)
def test_code_that_does_the_same_is_the_same(one, other):
    assert provenance.code_of(one) == provenance.code_of(other)


@pytest.mark.parametrize("one, other", APART)
def test_code_that_does_something_else_is_not(one, other):
    assert provenance.code_of(one) != provenance.code_of(other)


def written(code):
    """A class that a notebook defines: the last of some lines."""
    here = vars(techniques) | {"__name__": "__main__", "dataclass": dataclass, "np": np}
    exec(f"@dataclass(frozen=True)\n{code}", here)
    return [each for each in here.values() if isinstance(each, type)][-1]()


@pytest.mark.parametrize(
    "code",
    [
        "class Mine(L2):\n    def penalty(self, parameters):\n        return 0.0",
        "class Mine(Technique):\n    weights = lambda self, parameters, noise=None: 1",
        "class Mine(L2, Dropout):\n    def helper(self):\n        return 1",
        "class Mine(L2):\n    @property\n    def changes(self):\n        return []",
        "class Mine(L2):\n    @staticmethod\n    def helper():\n        return 1",
        "class Mine(L2):\n    def __post_init__(self):\n        pass",
        "class Mine(L2):\n    table = np.ones(3)",
        "class Mine(L2):\n    penalty = Dropout.weights",
    ],
)
def test_what_a_notebooks_hooks_reach_cannot_be_known(code):
    assert provenance.of_training(written(code)) is None


def test_what_a_notebook_only_brings_together_is_known_by_what_it_brings():
    both = "class Mine(L2, Dropout):\n    'Both.'"
    known = provenance.of_training(written(both))
    assert known == provenance.of_training(written(both.replace("Both", "The two of them")))
    others = [
        provenance.of_training(written(code))
        for code in [
            "class Mine(Dropout, L2):\n    pass",
            "class Mine(L1, L2):\n    pass",
            "class Mine(L2, L1):\n    pass",
            "class Mine(L2, Mixup):\n    pass",
            "class Mine(L2, Dropout):\n    left_on_in_post = True",
            "class Mine(L2, Dropout):\n    left_on_in_post = False",
            "class Mine(L2):\n    pass",
            "class Mine(L2):\n    strength: float = 0.5",
        ]
    ]
    assert None not in others and len({known, *others}) == 1 + len(others)
    assert known not in {provenance.of_training(kind()) for kind in (L1, L2, Dropout, Mixup)}
    technique = written(both)
    copy(technique)  # Python notes in the class how that is done
    assert provenance.of_training(technique) == known
    assert provenance.of_training(GaussianWeights()) != provenance.of_training(Technique())


def test_versions_are_those_of_what_is_installed():
    found = provenance.versions()
    assert found["keras"] == keras.__version__ and found["numpy"] == np.__version__


def test_the_date_is_that_of_the_sources(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86399")
    assert provenance.date() == "1970-01-01"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    monkeypatch.setattr(provenance, "_git", lambda *words: "86400")
    assert provenance.date() == "1970-01-02"
    monkeypatch.setattr(provenance, "_git", lambda *words: "unknown")  # not a repository
    assert provenance.date() == "unknown"


def test_sources_inside_another_repository_are_not_of_its_commit(tmp_path):
    """A ZIP of the project, unpacked in somebody's own work."""
    git = ["git", "-C", str(tmp_path), "-c", "user.name=A", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "--quiet"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message=Theirs"], check=True)
    inside = tmp_path / "unpacked" / "src" / "regularization"
    shutil.copytree(provenance.PACKAGE, inside, ignore=shutil.ignore_patterns("__pycache__"))
    code = "from regularization.results import provenance as p; print(p.commit(), p.date())"
    known = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    process = subprocess.run(
        [sys.executable, "-c", code], env=known | {"PYTHONPATH": str(inside.parent)},
        capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert process.stdout.split() == ["unknown", "unknown"], process.stderr
