"""The records of the benchmark: what is committed can be read, what is not a record is refused."""

import json

import pytest
from conftest import ROOT

from regularization import speed

RECORDS = ROOT / "bench" / "results"


def test_the_committed_records_are_read_cpu_first():
    records = speed.load(RECORDS)
    assert records and records[0]["machine"]["device"] == "CPU"


@pytest.mark.parametrize(
    "change, word",
    [
        (lambda record: record | {"schema": 0}, "has schema 0. Expected schema 1"),
        (lambda record: {}, "has schema None"),
        (lambda record: [], "has schema None"),
        (lambda record: record | {"peers": {}}, "missing or wrong: peers"),
    ],
)
def test_another_schema_is_refused_with_the_command_that_renews(tmp_path, change, word):
    record = change(speed.load(RECORDS)[0])
    (tmp_path / "machine.json").write_text(json.dumps(record))
    with pytest.raises(ValueError, match=f"machine.json.*{word}.*Run `make bench`"):
        speed.load(tmp_path)


def test_what_is_not_json_is_refused(tmp_path):
    (tmp_path / "machine.json").write_text('{"schema": 1,')
    with pytest.raises(ValueError, match="not a benchmark record.*Run `make bench`"):
        speed.load(tmp_path)


def test_a_folder_without_records_has_none(tmp_path):
    assert speed.load(tmp_path) == []
