"""The records of the benchmark: what is committed can be read, what is not a record is refused."""

import json

import pytest
from conftest import ROOT

from regularization.results import benchmarks

RECORDS = ROOT / "bench" / "results"


def kept(folder, name, device, backend, date):
    record = benchmarks.load(RECORDS)[0]
    record |= {"date": date}
    record["machine"] |= {"device": device}
    record["work"] |= {"backend": backend}
    (folder / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")


def test_the_committed_records_are_read_cpu_first():
    assert benchmarks.load(RECORDS)[0]["machine"]["device"] == "CPU"


def test_the_first_record_is_the_newest_of_a_cpu_on_the_default_backend(tmp_path):
    kept(tmp_path, "a", "Some GPU", "tensorflow", "2026-11-04 10:00")
    kept(tmp_path, "b", "CPU", "jax", "2026-11-03 10:00")
    kept(tmp_path, "c", "CPU", "tensorflow", "2026-11-01 10:00")
    kept(tmp_path, "d", "CPU", "tensorflow", "2026-11-02 10:00")
    dates = [record["date"] for record in benchmarks.load(tmp_path)]
    assert [date[9] for date in dates] == ["2", "1", "3", "4"]


@pytest.mark.parametrize(
    "change, word",
    [
        (lambda record: record | {"schema": 0}, "has schema 0. Expected schema 2"),
        (lambda record: {}, "has schema None"),
        (lambda record: [], "has schema None"),
        (lambda record: record | {"peers": {}}, "missing or wrong: peers"),
    ],
)
def test_another_schema_is_refused_with_the_command_that_renews(tmp_path, change, word):
    record = change(benchmarks.load(RECORDS)[0])
    (tmp_path / "machine.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ValueError, match=f"machine.json.*{word}.*Run `make bench`"):
        benchmarks.load(tmp_path)


def test_what_is_not_json_is_refused(tmp_path):
    (tmp_path / "machine.json").write_text('{"schema": 2,', encoding="utf-8")
    with pytest.raises(ValueError, match="not a benchmark record.*Run `make bench`"):
        benchmarks.load(tmp_path)


def test_a_folder_without_a_record_of_a_cpu_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no record of a CPU.*Run `make bench`"):
        benchmarks.load(tmp_path)
    kept(tmp_path, "gpu", "Some GPU", "jax", "2026-11-01 10:00")
    with pytest.raises(ValueError, match="no record of a CPU"):
        benchmarks.load(tmp_path)


def test_the_pages_own_training_is_read_from_its_newest_record(tmp_path):
    (tmp_path / "page").mkdir()
    with pytest.raises(ValueError, match="holds no record. Run `make bench`"):
        benchmarks.in_page(tmp_path)
    for name, date in (("a", "2026-11-02"), ("b", "2026-11-01")):
        (tmp_path / "page" / f"{name}.json").write_text(f'{{"date": "{date}"}}', encoding="utf-8")
    assert benchmarks.in_page(tmp_path)["date"] == "2026-11-02"
