"""The house: imports run one way, and a module fits one sitting."""

import re

import pytest

from regularization.results.provenance import PACKAGE, names

#: From the ground up: each room knows those before it.
ROOMS = ("core", "results", "study", "analysis", "report", "web")
MODULES = {
    path.relative_to(PACKAGE).with_suffix(""): path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
    if path != PACKAGE / "__init__.py"
}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_a_room_knows_only_those_below(module):
    known = {name.split(".")[1] for name in names(MODULES[module]) if "." in name}
    assert known <= {*ROOMS[: ROOMS.index(module.parts[0]) + 1]}
    assert MODULES[module].count("\n") <= 400


def test_one_module_alone_knows_tensorflow_from_jax():
    imports = re.compile(r"(import|from) (tensorflow|jax)\b")
    assert [str(each) for each in MODULES if imports.search(MODULES[each])] == ["core/backend"]
