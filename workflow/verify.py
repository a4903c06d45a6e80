"""Hold a fresh build against the released results, or release it: `make verify`, `make publish`."""

import argparse
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from scipy import stats

from regularization import runs

PUBLISHED = Path(__file__).parents[1] / "published" / "results.json"
#: What is held against the released results: one number a seed. Times belong to a machine.
MEASURES = (
    "train_accuracy",
    "test_accuracy",
    "test_accuracy_as_published",
    "weight_min",
    "weight_max",
)
PROVENANCE = ("dataset", "preset", "steps", "backend", "device", "versions", "commit")


def main():
    """Compare, name what moved and exit with 1 if anything did; or write the release."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("_build"))
    parser.add_argument("--published", type=Path, default=PUBLISHED)
    parser.add_argument("--publish", action="store_true", help="release this build's results")
    arguments = parser.parse_args()
    try:
        fresh = collect(arguments.build)
        numbers = [run[m] for run in fresh["runs"].values() for m in MEASURES]
        if not all(np.isfinite(values).all() and len(values) > 1 for values in numbers):
            raise ValueError("a figure that is not finite, or of a single seed")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        reason = f"{type(error).__name__}: {error}"
        sys.exit(f"There is no whole build in {arguments.build}: {reason}. Run `make book` first.")
    if arguments.publish:
        with runs.replacing(arguments.published) as temporary:
            temporary.write_text(json.dumps(fresh, indent=1) + "\n")
        print(f"Released {len(fresh['runs'])} runs in {arguments.published}.")
        return
    try:
        released = json.loads(arguments.published.read_text())
        about = released["provenance"]
        moved = list(compare(released, fresh))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(
            f"{arguments.published} is not a released result: {type(error).__name__}: {error}. "
            "Expected what `make publish` writes after a full `make book`. Restore it from git."
        )
    about = {key: about.get(key, "unknown") for key in ("date", "commit", "backend")}
    release = f"the release of {about['date']} (commit {about['commit']}, {about['backend']})"
    if moved:
        sys.exit("\n".join([f"{len(moved)} figures have moved since {release}:", *moved]))
    print(
        f"All of {len(fresh['runs'])} runs and {len(fresh['verdicts'])} verdicts agree with "
        f"{release} within their intervals."
    )


def collect(build):
    """Return a build's results as they are released; exit unless it is a full one on MNIST."""
    settings = json.loads((build / "settings.json").read_text())
    ledger = json.loads((build / "results" / "ledger.json").read_text())
    paths = sorted((build / "results").glob("*.npz"))
    found = {path.stem: json.loads(path.with_suffix(".json").read_text()) for path in paths}
    first = found["no_regularization"]
    made = {(each["preset"], each["dataset"]) for each in (settings, *found.values())}
    if made != {("paper", "mnist")}:
        which = ", ".join(sorted(f"{dataset} at {preset}" for preset, dataset in made))
        sys.exit(
            f"The build in {build} is of {which}. Expected mnist at paper, as released. "
            "Run `make book` first."
        )
    about = {key: first[key] for key in PROVENANCE}
    return {
        "provenance": about | {"date": datetime.now(UTC).strftime("%Y-%m-%d")},
        "runs": {name: run for slug in found for name, run in by_strength(slug, found[slug])},
        "verdicts": {claim["name"]: claim["verdict"] for claim in ledger},
    }


def by_strength(slug, run):
    """Yield a run's measures by its name: a path along a hyperparameter is a run for each value."""
    values = [v for v in run["technique"].values() if isinstance(v, list)]
    along = np.array(values[0]) if values else np.zeros(len(run["seeds"]))
    for value in np.unique(along):
        chosen = np.flatnonzero(along == value)
        name = f"{slug} at {value:g}" if values else slug
        yield name, {m: [run[m][i] for i in chosen] for m in ("seeds", *MEASURES)}


def compare(released, fresh):
    """Yield a line for each run, measure or verdict that is missing or has moved."""
    for kind in ("runs", "verdicts"):
        for name in sorted(released[kind].keys() ^ fresh[kind].keys()):
            yield f"{name}: only in {'the release' if name in released[kind] else 'this build'}"
    for name in sorted(released["runs"].keys() & fresh["runs"].keys()):
        for measure in MEASURES:
            before, now = (np.array(each["runs"][name][measure]) for each in (released, fresh))
            if differ(before, now):
                label = f"{name}, {measure.replace('_', ' ')}"
                yield f"{label}: {before.mean():.4g} then, {now.mean():.4g} now"
    for name in sorted(released["verdicts"].keys() & fresh["verdicts"].keys()):
        before, now = (each["verdicts"][name] for each in (released, fresh))
        if before != now:
            yield f"claim {name}: {before} then, {now} now"


def differ(before, now, level=0.999):
    """Return whether 0 lies outside Welch's interval of the difference of two means over seeds.

    Some eighty figures are compared: at 95 % a few would seem to move by chance. Seeds that end
    alike to rounding (another processor, another backend) do not differ.
    """
    if np.allclose(before.mean(), now.mean(), rtol=1e-6, atol=1e-9):
        return False
    interval = stats.ttest_ind(now, before, equal_var=False).confidence_interval(level)
    return not interval.low <= 0 <= interval.high


if __name__ == "__main__":
    main()
