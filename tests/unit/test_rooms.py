"""The house: imports run one way, and a module fits one sitting."""

import ast
import re

import pytest
from conftest import ROOT

from regularization.results.provenance import PACKAGE, names

#: From the ground up: each room knows those before it.
ROOMS = ("core", "results", "study", "analysis", "report", "web")
MODULES = {
    path.relative_to(PACKAGE).with_suffix(""): path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
    if path not in (PACKAGE / "__init__.py", PACKAGE / "__main__.py")
}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_room_knows_only_those_below(module):
    known = {name.split(".")[1] for name in names(MODULES[module]) if "." in name}
    assert known <= {*ROOMS[: ROOMS.index(module.parts[0]) + 1]}
    assert MODULES[module].count("\n") <= 400


def test_one_module_alone_knows_tensorflow_from_jax():
    imports = re.compile(r"(import|from) (tensorflow|jax)\b")
    assert [str(each) for each in MODULES if imports.search(MODULES[each])] == ["core/backend"]


@pytest.mark.parametrize("folder", ["src", "workflow", "bench", "tests"])
def test_all_text_that_is_read_or_written_names_its_encoding(folder):
    """Without it Windows takes another. Ruff (PLW1514) does not see of which class a path is."""
    nameless = []
    for path in sorted((ROOT / folder).rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
                named, does = {keyword.arg for keyword in call.keywords}, call.func.attr
                text = does in ("read_text", "write_text") or does == "run" and "text" in named
                if text and "encoding" not in named:
                    nameless.append(f"{path}:{call.lineno}: {ast.unparse(call)[:60]}")
    assert not nameless
