"""make verify: what agrees passes, what moved is named, what cannot be compared is refused."""

import copy
import json

import pytest
from conftest import called

from workflow.release import verify as script

SEEDS = [0, 1, 2, 3, 4]


def a_run(technique, seeds=SEEDS):
    spread = [0.930 + 0.001 * (i % 5) for i in range(len(seeds))]
    measures = ("train_accuracy", "test_accuracy", "test_accuracy_as_published")
    return {
        "technique": technique,
        "seeds": seeds,
        "dataset": "mnist",
        "preset": "paper",
        "steps": 150_000,
        "backend": "tensorflow",
        "device": "CPU",
        "versions": {},
        "commit": "abc1234",
        "weight_min": [-x for x in spread],
        "weight_max": spread,
    } | {measure: list(spread) for measure in measures}


@pytest.fixture
def build(tmp_path):
    folder = tmp_path / "build"
    (folder / "results").mkdir(parents=True)
    (folder / "settings.json").write_text(
        '{"preset": "paper", "dataset": "mnist"}', encoding="utf-8"
    )
    runs = {
        "no_regularization": a_run({"name": "Technique"}),
        "l2_path": a_run({"name": "L2", "strength": [0.0] * 5 + [0.1] * 5}, SEEDS * 2),
    }
    for slug, run in runs.items():
        (folder / "results" / f"{slug}.json").write_text(json.dumps(run), encoding="utf-8")
        (folder / "results" / f"{slug}.npz").touch()
    ledger = [{"name": "grain", "text": "There is grain.", "verdict": "holds"}]
    (folder / "results" / "ledger.json").write_text(json.dumps(ledger), encoding="utf-8")
    return folder


def verify(build, *options):
    published = ["--published", build.parent / "results.json"]
    return called(script.main, "--build", build, *published, *options)


def change(build, slug, edit):
    path = build / "results" / f"{slug}.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    edit(values)
    path.write_text(json.dumps(values), encoding="utf-8")


def test_a_build_agrees_with_itself_and_with_another_draw_of_seeds(build):
    assert verify(build, "--publish").returncode == 0
    assert "agree" in verify(build).stdout
    change(build, "no_regularization", lambda run: run["test_accuracy"].reverse())
    shift = lambda run: run.update(test_accuracy=[x + 0.0004 for x in run["test_accuracy"]])  # noqa: E731
    change(build, "no_regularization", shift)
    assert verify(build).returncode == 0


def test_what_moved_is_named(build):
    verify(build, "--publish")
    lower = lambda run: run.update(test_accuracy=[x - 0.01 for x in run["test_accuracy"]])  # noqa: E731
    change(build, "no_regularization", lower)
    path = lambda run: run["weight_max"].__setitem__(slice(5, 10), [0.5] * 5)  # noqa: E731
    change(build, "l2_path", path)
    change(build, "ledger", lambda claims: claims[0].update(verdict="does not hold"))
    process = verify(build)
    assert process.returncode == 1 and "3 figures have moved" in process.stderr
    assert "no_regularization, test accuracy: 0.932 then, 0.922 now" in process.stderr
    assert "l2_path at 0.1, weight max" in process.stderr
    assert "claim grain: holds then, does not hold now" in process.stderr


def test_a_run_that_is_missing_or_new_is_named(build):
    verify(build, "--publish")
    (build / "results" / "l2_path.npz").unlink()
    (build / "results" / "new.npz").touch()
    run = copy.deepcopy(a_run({"name": "New"}))
    (build / "results" / "new.json").write_text(json.dumps(run), encoding="utf-8")
    said = verify(build).stderr
    assert "l2_path at 0.1: only in the release" in said and "new: only in this build" in said


@pytest.mark.parametrize("preset, dataset", [("quick", "mnist"), ("paper", "digits")])
def test_only_a_full_build_on_mnist_is_compared_or_released(build, preset, dataset):
    (build / "settings.json").write_text(
        json.dumps({"preset": preset, "dataset": dataset}), encoding="utf-8"
    )
    for options in ([], ["--publish"]):
        process = verify(build, *options)
        assert (
            process.returncode == 1
            and "Expected mnist, fashion, mnist1d at paper" in process.stderr
        )
    assert not (build.parent / "results.json").exists()


def test_each_data_set_has_a_release_of_its_own(build, monkeypatch, tmp_path):
    monkeypatch.setattr(script, "PUBLISHED", tmp_path)
    for dataset, file in {"mnist": "results.json", "fashion": "fashion.json"}.items():
        (build / "settings.json").write_text(
            json.dumps({"preset": "paper", "dataset": dataset}), encoding="utf-8"
        )
        for slug in ("no_regularization", "l2_path"):
            change(build, slug, lambda run: run.update(dataset=dataset))  # noqa: B023
        assert called(script.main, "--build", build, "--publish").returncode == 0
        released = json.loads((tmp_path / file).read_text(encoding="utf-8"))
        assert released["provenance"]["dataset"] == dataset
        assert released["claims"] == {"grain": "There is grain."}
        assert "agree" in called(script.main, "--build", build).stdout


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"runs": {}}', '{"provenance": 1, "runs": 2}']
)
def test_a_broken_release_is_refused(build, content):
    (build.parent / "results.json").write_text(content, encoding="utf-8")
    process = verify(build)
    assert process.returncode == 1 and "is not a released result" in process.stderr


def test_without_a_build_it_says_what_to_run(tmp_path):
    assert "Run `make book` first" in verify(tmp_path / "nothing").stderr


def test_a_build_with_a_run_left_from_another_is_refused(build):
    change(build, "l2_path", lambda run: run.update(preset="quick"))
    assert (
        "mnist at paper, mnist at quick. Expected mnist, fashion, mnist1d at paper"
        in verify(build).stderr
    )


def test_a_build_without_its_plain_run_is_refused(build):
    (build / "results" / "no_regularization.npz").unlink()
    assert "no whole build" in verify(build).stderr


@pytest.mark.parametrize(
    "slug, edit",
    [
        ("ledger", lambda claims: claims.append(1)),
        ("l2_path", lambda run: run.pop("technique")),
        ("l2_path", lambda run: run["technique"].update(strength=[0.1] * 99)),
        ("l2_path", lambda run: run.update(test_accuracy=0.9)),
        ("l2_path", lambda run: run["test_accuracy"].__setitem__(0, float("nan"))),
        ("no_regularization", lambda run: run.update(seeds=[0])),
        ("no_regularization", lambda run: run.pop("commit")),
    ],
)
def test_a_malformed_build_is_refused_and_not_released(build, slug, edit):
    change(build, slug, edit)
    for options in ([], ["--publish"]):
        process = verify(build, *options)
        assert process.returncode == 1 and "no whole build" in process.stderr
    assert not (build.parent / "results.json").exists()
