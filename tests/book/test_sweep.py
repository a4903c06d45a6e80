"""make sweep: what it will cost, its progress, its table; refused by name, resumed after a kill."""

import os
import signal
import subprocess
import time

import pytest
from conftest import ROOT, called

from regularization.analysis import swept
from regularization.results.store import train
from regularization.study import sweeps
from workflow.build import execute
from workflow.build import sweep as script

FILE = """
seeds = 12
steps = 200
models_per_job = 12
[techniques.l2]
strength = [1e-4, 1e-2]
[techniques.dropout]
rate = 0.5
"""
MODELS, JOBS = 36, 3


def command(folder, **variables):
    variables = {
        "CONFIG": folder / "trial.toml",
        "BUILD": folder / "b",
        "DATA": "digits",
        "BACKEND": "jax",  # which starts soonest
    } | variables
    return ["make", "--no-print-directory", "sweep", *(f"{k}={v}" for k, v in variables.items())]


def sweep(folder, text=FILE, **variables):
    folder.mkdir(exist_ok=True)
    (folder / "trial.toml").write_text(text, encoding="utf-8")
    words = command(folder, **variables)
    return subprocess.run(words, cwd=ROOT, capture_output=True, encoding="utf-8")


def models(folder):
    table = swept.read_table(folder / "b" / "sweeps" / "trial.csv")
    names = ["technique", "strength", "rate", "seed"]
    return [*table[names].astype(object).fillna("").itertuples(index=False, name=None)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return folder, sweep(folder)


@pytest.mark.thorough
def test_a_sweep_says_what_it_will_cost_and_leaves_a_row_for_each_model(whole):
    folder, process = whole
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith(f"{MODELS} models; {MODELS} to train in {JOBS} jobs. On this ")
    assert f"{MODELS} models are in {folder}/b/sweeps/trial.csv" in process.stdout
    assert f"{MODELS}/{MODELS}" in process.stderr  # of the bar
    assert len(models(folder)) == len(set(models(folder))) == MODELS


@pytest.mark.thorough
@pytest.mark.skipif(os.name == "nt", reason="kills a group of processes")
def test_a_sweep_that_was_killed_goes_on_where_it_stopped(whole, tmp_path):
    """The workflow and its jobs are killed when the first runs are there."""
    (tmp_path / "trial.toml").write_text(FILE, encoding="utf-8")
    done = tmp_path / "b" / "runs"
    with subprocess.Popen(
        command(tmp_path),
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        while not list(done.glob("*.safetensors")) and process.poll() is None:
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    trained = {path.name: path.stat().st_mtime_ns for path in done.glob("*.safetensors")}
    assert 0 < len(trained) < JOBS
    process = sweep(tmp_path)
    assert process.returncode == 0, process.stderr
    assert f"of which {12 * len(trained)} are trained already" in process.stdout
    now = {path.name: path.stat().st_mtime_ns for path in done.glob("*.safetensors")}
    assert trained.items() <= now.items() and len(now) == JOBS
    table = "b/sweeps/trial.csv"
    assert (tmp_path / table).read_bytes() == (whole[0] / table).read_bytes()


@pytest.mark.thorough
def test_more_seeds_later_train_just_the_new_ones(whole):
    folder, _ = whole
    process = sweep(folder, FILE.replace("seeds = 12", "seeds = 18").replace("0.5", "0.6"))
    assert process.returncode == 0, process.stderr
    assert len(set(models(folder))) == 54
    assert "54 models, of which 24 are trained already" in process.stdout
    assert sweep(folder).stdout.startswith("36 models are in")  # all there


@pytest.mark.thorough
def test_a_model_that_overflows_is_named_before_anything_is_trained(tmp_path):
    process = sweep(tmp_path, FILE.replace("1e-2", "1e25"))
    assert process.returncode != 0 and "The loss of L2(strength=1e+25)" in process.stderr
    assert "Lower the strength" in process.stderr and "Traceback" not in process.stderr


SWEPT = {
    "strength": """
techniques.l2.strength = [1e-6, 1e-2]
techniques.dropout.rate = [0, 0.5]
""",
    "when_it_helps": """
train_size = [100, "all"]
techniques.l2.strength = [0, 1e-2]
techniques.l1.strength = [1e-4, 1e-3]
techniques.dropout.rate = [0.1, 0.5]
techniques.weight_normalization.norm = [3, 6]
techniques.input_noise.scale = [0.2, 0.4]
""",
}


@pytest.mark.thorough
@pytest.mark.parametrize("name, text", SWEPT.items())
def test_a_chapter_takes_the_table_of_its_sweep(name, text, tmp_path, digits, monkeypatch):
    """Four seeds instead of the two that it trains at quick."""
    monkeypatch.setenv("RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("GIVEN_DIR", str(tmp_path / "given"))
    monkeypatch.setenv("TQDM_DISABLE", "1")
    path = tmp_path / "sweep.toml"
    path.write_text(f"seeds = 4\nsteps = 60\nlearning_rate = 1e-2\n{text}", encoding="utf-8")
    tables = [swept.rows(slug, train(each, digits)) for slug, each in sweeps.read(path, digits)]
    swept.write(tables, tmp_path / "sweeps" / f"{name}.csv")
    settings = {"preset": "quick", "dataset": "digits"}
    chapter, log = ROOT / "book" / "why" / f"{name}.ipynb", tmp_path / "log"
    with open(log, "w", encoding="utf-8") as said:
        execute.execute(chapter, tmp_path / "executed.ipynb", settings, said)
    text = (tmp_path / "executed.ipynb").read_text(encoding="utf-8")
    for table in tables:
        assert f"From a sweep of {len(table)} models, of 60 steps each." in text
    assert "4 seeds" in text


@pytest.mark.parametrize(
    "text, name, words",
    [
        ("stepz = 3\n" + FILE, "trial.toml", ["unknown key 'stepz'", "Expected one of techniques"]),
        (FILE.replace("seeds = 12", "seeds = 0"), "trial.toml", ["seeds=0", "how many, from 1"]),
        (
            FILE.replace("12", "900000"),
            "trial.toml",
            ["2,700,000 models", "Expected 1,000,000 at most"],
        ),
        (None, "missing.toml", ["missing.toml cannot be read", "Expected a sweep"]),
        (FILE, "two words.toml", ["two words.toml cannot name a table"]),
    ],
)
def test_what_makes_no_sense_is_named_before_anything_runs(text, name, words, tmp_path):
    if text:
        (tmp_path / name).write_text(text, encoding="utf-8")
    where = ["--config", tmp_path / name, "--build", tmp_path / "b", "--dataset", "digits"]
    process = called(script.main, *where)
    assert process.returncode == 1 and not (tmp_path / "b").exists()
    assert all(word in process.stderr for word in words), process.stderr


def test_jobs_that_did_not_end_well_are_counted_and_the_first_is_quoted(tmp_path, monkeypatch):
    def run(arguments, log, snakefile, sweep, runs):
        first, *_ = (sweep / "blocks.txt").read_text(encoding="utf-8").split()
        (sweep / f"{first}.log").write_text("Training.\nThe node is gone.\n", encoding="utf-8")

    monkeypatch.setattr(script.engine, "run", run)
    monkeypatch.setattr(script, "announced", lambda *words: "Announced.")
    (tmp_path / "trial.toml").write_text(FILE, encoding="utf-8")
    where = ["--build", tmp_path / "b", "--dataset", "digits"]
    process = called(script.main, "--config", tmp_path / "trial.toml", *where)
    assert process.returncode == 1 and not (tmp_path / "b" / "sweeps" / "trial.csv").exists()
    said = f"{JOBS} of {JOBS} jobs did not end well, the first with: The node is gone. Expected a "
    assert said in process.stderr and "run make sweep again" in process.stderr


@pytest.mark.parametrize(
    "variables, words",
    [
        ({"CONFIG": "missing.toml"}, ["missing.toml cannot be read", "Expected a sweep"]),
        ({"CONFIG": ""}, ["CONFIG is not set", "make sweep CONFIG="]),
        ({"PROFILE": "slrum"}, ["PROFILE='slrum' is unknown", "Expected one of: slurm"]),
    ],
)
def test_make_refuses_it_too(variables, words, tmp_path):
    process = sweep(tmp_path, **variables)
    assert process.returncode != 0 and not (tmp_path / "b").exists()
    assert all(word in process.stderr for word in words), process.stderr
    assert "Traceback" not in process.stderr
