"""Equal care: every technique at the settings that validation chooses, all with one budget."""

from dataclasses import replace

from regularization.core.settings import Settings
from regularization.results.store import train
from regularization.study import presets, registry

#: How many settings of each technique are tried: a few strengths at each of these learning rates,
BUDGET = 12
LEARNING_RATES = (3e-4, 1e-3, 3e-3)
#: or where a technique has no strength, these learning rates.
MORE_LEARNING_RATES = (1e-4, 2e-4, 3e-4, 4e-4, 6e-4, 8e-4, 1e-3, 1.5e-3, 2e-3, 3e-3, 5e-3, 1e-2)
PATH_LEARNING_RATE = 1e-3  # at which a path to far too much is trained, for its pictures


def trained(slug, digits, preset):
    """Return the run of an experiment, or of a technique chosen with equal care: `l2_tuned`."""
    if slug.endswith(registry.TUNED):
        return tuned(slug.removesuffix(registry.TUNED), digits, preset)
    return train(registry.settings(slug, preset), digits)


def tuned(slug, digits, preset):
    """Return a technique's run at the setting with the best mean accuracy on validation images."""
    return best(tried(slug, digits, preset))


def best(run):
    """Return the part of a run of several settings that is best on validation images."""
    mean = run.validation_accuracy.mean("seed")
    # Of equal ones the first, at the lowest learning rate.
    at = mean.transpose("learning_rate", ..., missing_dims="ignore").argmax(...)
    return run.sel(**{name: mean[name][place].item() for name, place in at.items()})


def tried(slug, digits, preset):
    """Return the run of all settings that are tried of a technique, from each seed."""
    return train(budget(slug, preset), digits)


def chosen_by_seed(run, measure="test_accuracy"):
    """Return a measure of every seed at the setting that it would choose by itself.

    It chooses by its own validation accuracy, and no other seed's. So what two seeds differ by
    contains what the choice adds. `run` is of several settings; returned is an array by seed.
    """
    validation, found = run.validation_accuracy, getattr(run, measure)
    # As for all seeds together: of equal ones the first, at the lowest learning rate.
    validation = validation.transpose("learning_rate", ..., missing_dims="ignore")
    if settings := [name for name in validation.dims if name != "seed"]:
        validation, found = (each.stack(setting=settings) for each in (validation, found))
        found = found.isel(setting=validation.argmax("setting"))
    return found


def budget(slug, preset):
    """Return the settings that are tried of a technique: BUDGET of them, from each seed."""
    experiment = registry.get(slug)
    tried, technique = experiment.tried, experiment.technique
    count = BUDGET // len(LEARNING_RATES)
    valid = len(tried) < 2 and set(tried) <= set(technique.settings())
    if not valid or any(len(set(values)) != count for values in tried.values()):
        raise ValueError(
            f"The experiment {slug!r} has tried={tried!r}. Expected {count} different values of "
            f"one hyperparameter of {technique}, or nothing. Mend its line in registry.py."
        )
    technique = replace(technique, **{name: list(values) for name, values in tried.items()})
    rates = LEARNING_RATES if tried else MORE_LEARNING_RATES
    return _brief(technique, preset, learning_rate=rates, loss=experiment.loss)


def along(slug, digits, preset):
    """Return a technique's run along its path to far too much, from the first seed alone.

    A technique without a strength has its path along the learning rates that were tried.
    """
    experiment = registry.get(slug)
    if not experiment.tried:
        run = tried(slug, digits, preset)
        return run.sel(seed=run.settings.seeds[0])
    path = {name: list(experiment.path or values) for name, values in experiment.tried.items()}
    settings = _brief(
        replace(experiment.technique, **path),
        preset,
        learning_rate=PATH_LEARNING_RATE,
        loss=experiment.loss,
    )
    return train(replace(settings, seeds=settings.seeds[:1]), digits)


def _brief(technique, preset, **settings):
    size = presets.of("tuning", preset)
    every = evaluated_every(technique, size.steps)
    return Settings(technique, steps=size.steps, seeds=size.seeds, every=every, **settings)


def evaluated_every(technique, steps):
    """Return the steps between two evaluations: as few of them as the technique can do with."""
    return max(steps // 10, 1) if technique.overrides("review") else steps


def choice(run, slug):
    """Return what was chosen with equal care, by its name: the learning rate, and any strength."""
    own = run.settings.technique.settings()
    rate = {"learning rate": run.settings.learning_rate}
    return rate | {
        name: own[name] for name in registry.get(slug.removesuffix(registry.TUNED)).tried
    }
