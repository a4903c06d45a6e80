"""A run: what it holds by named axes, a part of it, and its life in a file."""

import json
from dataclasses import replace

import numpy as np
import pytest
from safetensors.numpy import load_file

from regularization.core.fit import fit
from regularization.core.settings import Settings
from regularization.core.techniques import L2, EarlyStopping, GaussianWeights, WeightNormalization
from regularization.results import run as runs
from regularization.results.run import Run

GRID = Settings(
    EarlyStopping([1, 2]),
    steps=20,
    seeds=[5, 2, 9],
    learning_rate=[1e-2, 1e-3],
    every=5,
    frames=3,
)
MADE = {"device": "CPU", "backend": "none", "versions": {"python": "3"}, "commit": "0"}
ABOUT = {"settings": GRID.to_json(), "data": "0"}


def trained(settings, digits):
    return Run(settings.on(digits), fit(settings, digits), MADE)


@pytest.fixture(scope="module")
def run(digits):
    return trained(GRID, digits)


def test_what_each_model_has_is_labelled_by_the_axes(run):
    lead = ("patience", "learning_rate", "seed")
    names = ("train_accuracy", "validation_accuracy", "test_accuracy", "test_accuracy_as_published")
    for name in names:
        found = getattr(run, name)
        assert found.dims == lead and np.array_equal(found.values, run.arrays[name])
        assert {k: tuple(v.values) for k, v in found.coords.items()} == run.settings.axes
    assert run.weights.dims == (*lead, "output", "row", "column")
    assert run.parameters["best"].dims == (*lead, "output", "row", "column")
    assert sorted(run.parameters) == ["best", "kernel"]
    for i, patience in enumerate((1, 2)):
        for j, rate in enumerate((1e-2, 1e-3)):
            for k, seed in enumerate((5, 2, 9)):
                at = dict(patience=patience, learning_rate=rate, seed=seed)
                np.testing.assert_array_equal(run.weights.sel(at), run.arrays["weights"][i, j, k])
                assert float(run.test_accuracy.sel(at)) == run.arrays["test_accuracy"][i, j, k]
                assert float(run.weight_min.sel(at)) == run.arrays["weights"][i, j, k].min()
                assert float(run.weight_max.sel(at)) == run.arrays["weights"][i, j, k].max()
    mean = run.test_accuracy.mean("seed")
    assert mean.dims == lead[:2]
    np.testing.assert_array_equal(mean, run.arrays["test_accuracy"].mean(axis=2))


def test_curves_and_frames_are_along_the_step(run):
    lead = ("patience", "learning_rate", "seed")
    assert sorted(run.curve) == ["step", "test_accuracy", "train_loss", "validation_accuracy"]
    assert run.curve["step"].values.tolist() == [5, 10, 15, 20]
    for name in ("train_loss", "test_accuracy", "validation_accuracy"):
        curve = run.curve[name]
        assert curve.dims == ("step", *lead) and curve["step"].values.tolist() == [5, 10, 15, 20]
        np.testing.assert_array_equal(curve, run.arrays[f"curve.{name}"])
    np.testing.assert_array_equal(run.curve["test_accuracy"].sel(step=20), run.test_accuracy)
    assert run.frames.dims == ("step", *lead[:2], "output", "row", "column")
    assert run.frames["step"].values.tolist() == run.arrays["frames.step"].tolist()
    np.testing.assert_array_equal(run.frames.sel(step=20), run.weights.sel(seed=5))


def test_a_run_of_one_seed_after_another_is_gone_through_by_place(digits):
    run = trained(Settings(GaussianWeights(), steps=4, seeds=[2, 3], learning_rate=1e-3), digits)
    assert [w.shape for w in run.weights] == [(10, 8, 8)] * 2
    np.testing.assert_array_equal(run.weights[1], run.arrays["weights"][1])
    assert f"{run.test_accuracy[0]:.3f}" == f"{run.arrays['test_accuracy'][0]:.3f}"


def test_a_deeper_run_and_a_gain_have_axes_for_what_is_no_image(digits):
    run = trained(Settings(L2(0.1), steps=4, seeds=2, hidden=(6,)), digits)
    assert run.weights.dims == ("seed", "output", "row", "column") and run.weights.shape[1] == 6
    assert run.parameters["kernel.1"].dims == ("seed", "output", "input")
    assert run.parameters["kernel.1"].shape == (2, 10, 6)


def same(one, other):
    """Whether two runs are one to the bit."""
    return (
        one.settings == other.settings
        and one.arrays.keys() == other.arrays.keys()
        and all(np.array_equal(one.arrays[name], other.arrays[name]) for name in one.arrays)
        and all(one.arrays[name].dtype == other.arrays[name].dtype for name in one.arrays)
    )


def test_a_part_of_a_run_is_cut_to_it_and_says_so(run):
    part = run.sel(learning_rate=1e-3, patience=2)
    assert part.settings == run.settings.at(learning_rate=1e-3, patience=2)
    assert part.settings.technique == EarlyStopping(patience=2) and part.made == run.made
    assert part.weights.dims == ("seed", "output", "row", "column")
    np.testing.assert_array_equal(part.weights, run.arrays["weights"][1, 1])
    np.testing.assert_array_equal(part.frames, run.arrays["frames.weights"][:, 1, 1])
    for name in ("train_loss", "test_accuracy", "validation_accuracy"):
        np.testing.assert_array_equal(part.curve[name], run.arrays[f"curve.{name}"][:, 1, 1])
    np.testing.assert_array_equal(part.parameters["best"], run.arrays["parameters.best"][1, 1])
    assert same(part, run.sel(patience=2).sel(learning_rate=1e-3))
    assert run.sel() is run


def test_a_part_may_be_several_values_in_their_order(run):
    part = run.sel(learning_rate=[1e-3], seed=[9, 5])
    assert part.settings.axes == {
        "patience": (1, 2),
        "learning_rate": (1e-3,),
        "seed": (9, 5),
    }
    expected = run.arrays["test_accuracy"][:, [1]][:, :, [2, 0]]
    np.testing.assert_array_equal(part.test_accuracy, expected)
    one = run.sel(seed=2)
    assert one.settings.seeds == (2,)
    np.testing.assert_array_equal(one.test_accuracy, run.arrays["test_accuracy"][..., [1]])


def test_pictures_are_of_the_first_seed_and_go_with_it(run):
    np.testing.assert_array_equal(run.sel(seed=[5, 9]).frames, run.frames)
    np.testing.assert_array_equal(run.sel(seed=5).frames, run.frames)
    for others in (2, [9, 5]):
        with pytest.raises(KeyError, match="frames.weights"):
            run.sel(seed=others).frames  # noqa: B018


def test_what_a_run_does_not_have_is_refused(run):
    with pytest.raises(KeyError, match="no axis 'strength'. Expected one of patience, learning"):
        run.sel(strength=0.1)
    with pytest.raises(ValueError, match="learning_rate has no 0.1. Expected one of .0.01, 0.001"):
        run.sel(learning_rate=0.1)


SEVERAL = {
    "a grid": GRID,
    # At the end the kernel is the best, as it may happen.
    "what is kept is what is trained": Settings(EarlyStopping(), steps=4, learning_rate=1e-2),
    "weights are the kernel": Settings(L2(0.1), steps=4, seeds=2),
    "weights are not the kernel": Settings(WeightNormalization(), steps=4),
    "no kernel": Settings(GaussianWeights(), steps=4),
    "layers": Settings(L2(0.1), steps=4, hidden=(6, 5)),
    "layers of something else": Settings(GaussianWeights(), steps=4, hidden=(6,)),
}


@pytest.mark.parametrize("settings", SEVERAL.values(), ids=list(SEVERAL))
def test_a_written_run_comes_back(settings, digits, tmp_path):
    run = trained(settings, digits)
    about = {"settings": run.settings.to_json(), "more": ["é", None, 0.1]}
    runs.write(run, about, tmp_path / "deeper" / "x.safetensors")
    back, its = runs.read(tmp_path / "deeper" / "x.safetensors")
    assert same(back, run) and its == about and back.made == run.made
    assert type(back.settings.technique) is type(run.settings.technique)
    assert [path.name for path in tmp_path.rglob("*.*")] == ["x.safetensors"]


def test_the_technique_of_a_run_comes_back_as_the_object_that_it_was(digits, tmp_path):
    settings = Settings(L2(strength=0.01), steps=2)
    runs.write(trained(settings, digits), {"settings": settings.to_json()}, tmp_path / "x")
    back, _ = runs.read(tmp_path / "x")
    assert back.settings.technique == L2(strength=0.01) != L2(strength=1.0)


def test_what_is_the_weights_is_in_the_file_once(digits, tmp_path):
    run = trained(Settings(L2(0.1), steps=2), digits)
    runs.write(run, {"settings": run.settings.to_json()}, tmp_path / "x")
    assert "parameters.kernel" not in load_file(tmp_path / "x")
    np.testing.assert_array_equal(runs.read(tmp_path / "x")[0].parameters["kernel"], run.weights)


def test_the_same_run_is_the_same_file(run, tmp_path):
    for name in "ab":
        runs.write(run, ABOUT, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    nearly = np.nextafter(run.arrays["test_accuracy"], 1)
    runs.write(replace(run, arrays=run.arrays | {"test_accuracy": nearly}), ABOUT, tmp_path / "c")
    assert (tmp_path / "c").read_bytes() != (tmp_path / "a").read_bytes()
    assert not same(runs.read(tmp_path / "c")[0], run)
    runs.write(replace(run, made=MADE | {"commit": "1"}), ABOUT, tmp_path / "d")
    assert same(runs.read(tmp_path / "d")[0], runs.read(tmp_path / "a")[0])


def test_where_there_is_no_file_none_is_read(tmp_path):
    with pytest.raises(FileNotFoundError):
        runs.read(tmp_path / "x.safetensors")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileNotFoundError):
        runs.read(tmp_path / "folder")


@pytest.mark.parametrize(
    "spoil",
    {
        "empty": lambda content: b"",
        "half": lambda content: content[: len(content) // 2],
        "a bit in an array": lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        "another format": lambda content: b"PK\x03\x04 not really",
        "too long": lambda content: content + b"\0",
        "another commit of the format": lambda content: content.replace(
            b'version\\": 3', b'version\\": 4'
        ),
        "unknown key": lambda content: content.replace(b'\\"steps\\"', b'\\"stepz\\"'),
        "unknown technique": lambda content: content.replace(b"EarlyStopping", b"EarlyStoppinG"),
        "wrong value": lambda content: content.replace(b'steps\\": 20', b'steps\\": -5'),
        "other seeds": lambda content: content.replace(b"[5, 2, 9]", b"[5, 29] "),
    }.items(),
    ids=lambda pair: pair[0],
)
def test_a_damaged_file_is_refused(run, tmp_path, spoil):
    path, (_, spoil) = tmp_path / "x.safetensors", spoil
    runs.write(run, ABOUT, path)
    spoiled = spoil(path.read_bytes())
    assert spoiled != path.read_bytes()
    path.write_bytes(spoiled)
    with pytest.raises(ValueError, match="x.safetensors is not a saved run: ") as caught:
        runs.read(path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 800


def test_what_cannot_be_written_leaves_the_file_that_was_there(run, tmp_path):
    path = tmp_path / "x.safetensors"
    runs.write(run, ABOUT, path)
    before = path.read_bytes()
    with pytest.raises(TypeError):
        runs.write(run, {"settings": object()}, path)
    assert path.read_bytes() == before and [*tmp_path.iterdir()] == [path]


def test_other_arrays_are_kept_in_the_same_way(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3)[:, ::-1], "b": np.array(["int8"] * 0, "int64")}
    runs.write_arrays(tmp_path / "x", arrays, {"about": {"é": 1}})
    back, said = runs.read_arrays(tmp_path / "x")
    assert said["about"] == {"é": 1} and back.keys() == arrays.keys()
    assert all(np.array_equal(back[name], arrays[name]) for name in arrays)
    with pytest.raises(ValueError, match="is not a saved run"):
        runs.read(tmp_path / "x")
    assert json.loads(json.dumps(said)) == said
