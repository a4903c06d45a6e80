"""Hold a fresh build against the released results, or against another build: `make verify`.

Or make it the one that others are held against: `make publish`.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from regularization.results import export, provenance
from regularization.results.files import write
from workflow.build import records

PUBLISHED = Path(__file__).parents[2] / "published"
#: What is held against the released results: one number a seed. Times belong to a machine.
MEASURES = export.MEASURES
#: How far a seed's figure may move when another backend adds the same numbers in another order.
TOLERANCE = 0.01
PROVENANCE = ("dataset", "preset", "steps", "backend", "device", "versions", "commit")


def main():
    """Compare, name what moved and exit with 1 if anything did; or write the release."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("_build"))
    parser.add_argument("--published", type=Path, help="a file, by default that of the data set")
    parser.add_argument("--against", type=Path, help="another build's folder")
    parser.add_argument("--publish", action="store_true", help="release this build's results")
    arguments = parser.parse_args()
    if arguments.against:
        return hold_against(arguments.build, arguments.against)
    try:
        fresh = collect(arguments.build)
        numbers = [run[m] for run in fresh["runs"].values() for m in MEASURES]
        if not all(np.isfinite(values).all() and len(values) > 1 for values in numbers):
            raise ValueError("a figure that is not finite, or of a single seed")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        reason = f"{type(error).__name__}: {error}"
        sys.exit(f"There is no whole build in {arguments.build}: {reason}. Run `make book` first.")
    dataset = fresh["provenance"]["dataset"]
    published = arguments.published or PUBLISHED / export.RELEASED[dataset]
    if arguments.publish:
        write(published, json.dumps(fresh, indent=1) + "\n")
        print(f"Released {len(fresh['runs'])} runs in {published}.")
        return
    try:
        released = json.loads(published.read_text(encoding="utf-8"))
        about = released["provenance"]
        moved = list(compare(released, fresh))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(
            f"{published} is not a released result: {type(error).__name__}: {error}. "
            "Expected what `make publish` writes after a full `make book`. Restore it from git."
        )
    about = {key: about.get(key, "unknown") for key in ("date", "commit", "backend")}
    release = f"the release of {about['date']} (commit {about['commit']}, {about['backend']})"
    if moved:
        count = "1 figure has" if len(moved) == 1 else f"{len(moved)} figures have"
        sys.exit("\n".join([f"{count} moved since {release}:", *moved]))
    same = sum(run == released["runs"][name] for name, run in fresh["runs"].items())
    print(
        f"All of {len(fresh['runs'])} runs and {len(fresh['verdicts'])} verdicts agree with "
        f"{release} within their intervals; {same} of the runs to the last digit."
    )


def hold_against(build, other):
    """Say whether two builds are the same, byte for byte; of two backends, within the tolerance."""
    try:
        settings = [
            json.loads((each / "settings.json").read_text(encoding="utf-8"))
            for each in (build, other)
        ]
        ours, theirs = files(build), files(other)
        if settings[0] == settings[1]:
            apart = [name for name in sorted(ours | theirs) if ours.get(name) != theirs.get(name)]
            if not ours:
                raise ValueError(f"{build} is empty")
            if apart:
                sys.exit(
                    f"{len(apart)} files of {build} and {other} differ: {', '.join(apart[:9])}"
                )
            print(f"All {len(ours)} files of {build} and {other} are the same, byte for byte.")
            return
        if any(settings[0][name] != settings[1][name] for name in ("preset", "dataset")):
            sys.exit(
                f"{build} and {other} are of other presets or data: {settings}. Expected two "
                "builds that differ in nothing but their backend. Build one of them anew."
            )
        moved = {}
        paths = (path for each in (build, other) for path in each.glob("results/*.npz"))
        for name in sorted({path.stem for path in paths}):
            paths = (each / "results" / f"{name}.json" for each in (build, other))
            ours, theirs = (
                json.loads(path.read_text(encoding="utf-8"))["test_accuracy"] for path in paths
            )
            moved[name] = max(abs(a - b) for a, b in zip(ours, theirs, strict=True))
        worst = max(moved, key=moved.get)
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"There are no two whole builds: {error}. Run `make book` with either BUILD.")
    said = f"the furthest apart is {worst} with {moved[worst]:.2g} on one seed"
    backends = " and ".join(each["backend"] for each in settings)
    if moved[worst] > TOLERANCE:
        sys.exit(f"The accuracies on {backends} differ: {said}. Expected {TOLERANCE} at most.")
    print(f"All {len(moved)} runs agree on {backends} within {TOLERANCE}: {said}.")


def files(build):
    """Return a build's results and pages, and what was executed, as hashes by their names."""
    folders = [build / name for name in ("results", "executed", "html")]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    found = records.hashes(paths)
    return {Path(path).relative_to(build).as_posix(): known for path, known in found.items()}


def collect(build):
    """Return a build's results as they are released; exit unless it is a full one."""
    settings = json.loads((build / "settings.json").read_text(encoding="utf-8"))
    ledger = json.loads((build / "results" / "ledger.json").read_text(encoding="utf-8"))
    paths = sorted((build / "results").glob("*.npz"))
    found = {
        path.stem: json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        for path in paths
    }
    first = found["no_regularization"]
    made = {(each["preset"], each["dataset"]) for each in (settings, *found.values())}
    if len(made) > 1 or made.isdisjoint(("paper", name) for name in export.RELEASED):
        which = ", ".join(sorted(f"{dataset} at {preset}" for preset, dataset in made))
        sys.exit(
            f"The build in {build} is of {which}. Expected {', '.join(export.RELEASED)} at paper, "
            "as released. Run `make book` first."
        )
    about = {key: first[key] for key in PROVENANCE}
    return {
        "provenance": about | {"date": provenance.date()},
        "runs": {name: run for slug in found for name, run in by_strength(slug, found[slug])},
        "verdicts": {claim["name"]: claim["verdict"] for claim in ledger},
        "claims": {claim["name"]: claim["text"] for claim in ledger},
    }


def by_strength(slug, run):
    """Yield a run's measures by its name: a path along a hyperparameter is a run for each value."""
    names = ["seeds", *MEASURES]
    models = pd.DataFrame(zip(*(run[name] for name in names), strict=True), columns=names)
    along = next((each for each in run["technique"].values() if isinstance(each, list)), None)
    parts = [(slug, models)] if along is None else models.groupby(along)
    for at, part in parts:
        yield at if along is None else f"{slug} at {at:g}", part.to_dict("list")


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
