"""How long to train, and how often: `paper` is what is published, `quick` is for looking around.

What differs between the two stands here, page by page.
"""

from types import SimpleNamespace

PRESETS = ("paper", "quick")
ALL = None  # training images

#: By page: what is published, then what takes seconds.
SIZES = {
    "book": (dict(steps=150_000, seeds=5), dict(steps=3_000, seeds=2)),
    # How long a setting is tried, when a technique's settings are chosen with equal care.
    "tuning": (dict(steps=20_000, seeds=5), dict(steps=300, seeds=2)),
    "early_stopping": (dict(steps=20_000, patience=10), dict(steps=2_000, patience=2)),
    "weight_decay": (dict(steps=15_000), dict(steps=1_000)),
    "elastic_net": (dict(steps=15_000), dict(steps=1_000)),
    "dropconnect": (dict(draws=1_000), dict(draws=200)),
    "strength": (
        dict(steps=50_000, seeds=3, learning_rate=3e-4, gaussian_rate=3e-3),
        dict(steps=100, seeds=2, learning_rate=1e-2, gaussian_rate=1e-2),
    ),
    "when_it_helps": (
        dict(
            few=(100, 300, 1_000),
            few_seeds=20,
            many=(5_000, 20_000, ALL),
            seeds=5,
            steps=15_000,
            longer=150_000,
            review=250,  # steps between two looks of who stops in time
            shares=(0.0, 0.15, 0.3, 0.45, 0.6),
        ),
        dict(
            few=(100,),
            few_seeds=3,
            many=(1_000,),
            seeds=2,
            steps=100,
            longer=500,
            review=10,
            shares=(0.0, 0.4),
        ),
    ),
    # `lengths`: training images, and the steps after which the accuracy moves little.
    "deeper": (
        dict(
            narrow=((), (128,), (128, 128)),
            wide=((1024,), (1024, 1024)),
            lengths=((1_000, 2_000), (5_000, 5_000), (ALL, 24_000)),
            seeds=5,
            wide_seeds=3,
        ),
        dict(
            narrow=((), (16,)),
            wide=((24,),),
            lengths=((200, 40),),
            seeds=2,
            wide_seeds=2,
        ),
    ),
    "exact": (
        dict(
            images=ALL,
            seeds=3,
            strengths=(1e-1, 1e-2, 1e-3, 1e-4),
            lengths=(1_000, 5_000, 20_000, 50_000, 150_000),
            learning_rate=1e-4,
            few=300,
            box_steps=3_000,
        ),
        dict(
            images=500,
            seeds=2,
            strengths=(1e-1, 1e-2),
            lengths=(100, 1_000),
            learning_rate=1e-2,
            few=100,
            box_steps=500,
        ),
    ),
    "priors": (
        dict(images=ALL, seeds=3, steps=60_000, learning_rate=1e-3, draws=1_000, averaged=30),
        dict(images=5_000, seeds=2, steps=600, learning_rate=1e-2, draws=200, averaged=5),
    ),
    # `sizes` of random training images; `many` draws of `drawn` images each.
    "grain": (
        dict(
            images=ALL,
            sizes=(50, 100, 200, 300, 400, 500, 550, 600, 700, 1_000, 2_000, 5_000, 20_000),
            ridges=(0.0, 1e-3, 1e-2, 1e-1, 1.0),
            seeds=3,
            drawn=(500, 2_000, 10_000),
            many=50,
            penalties=(1.0, 1e-1, 3e-2, 1e-2, 3e-3, 1e-3, 1e-4),
            trained_seeds=3,
        ),
        dict(
            images=5_000,
            sizes=(30, 50, 70, 300, 600, 1_000),
            ridges=(0.0, 1e-2, 1.0),
            seeds=2,
            drawn=(300, 1_000),
            many=6,
            penalties=(1.0, 1e-1, 1e-2),
            trained_seeds=2,
        ),
    ),
    "bilinear": (dict(units=32, steps=20_000, seeds=5), dict(units=6, steps=200, seeds=2)),
    "other_pictures": (dict(steps=60_000, seeds=5, width=100), dict(steps=200, seeds=2, width=16)),
    "living": (dict(steps=3_000, seeds=5), dict(steps=300, seeds=2)),
}


def of(page, preset):
    """Return a page's sizes at a preset, by name; ValueError if there is no such preset."""
    check(preset)
    return SimpleNamespace(**SIZES[page][PRESETS.index(preset)])


def fitting(sizes, most):
    """Return the `sizes`, numbers of training images, below `most`, and it in place of others."""
    below = [images for images in sizes if images is not ALL and images < most]
    return below if len(below) == len(sizes) else [*below, most]


def check(preset):
    """Raise ValueError unless there is a preset of this name."""
    if not isinstance(preset, str) or preset not in PRESETS:
        raise ValueError(
            f"There is no preset {preset!r}. Expected one of {', '.join(PRESETS)}: "
            "paper trains as long as the post did, quick takes seconds."
        )
