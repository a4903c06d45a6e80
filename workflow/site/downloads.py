"""What readers take along, written from the runs: their results, weights and films."""

import json
import os
import shutil
from pathlib import Path

from regularization import web
from regularization.core import data
from regularization.results import export
from regularization.study import registry, tuning
from workflow.build import contents


def write(build):
    """Write `results` of a build anew; return the runs of its chapters by their names."""
    log = build / "logs" / "site.runs"
    log.unlink(missing_ok=True)
    os.environ |= {"RUNS_DIR": str(build / "runs"), "RUNS_LOG": str(log)}
    settings = json.loads((build / "settings.json").read_text(encoding="utf-8"))
    digits, preset = data.load(settings["dataset"]), settings["preset"]
    folder, found, paths = build / "results", {}, {}
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pages = [Path(page) for page in contents.notebooks()]
    slugs = [page.name for page in pages if page.parent.name == "techniques"]
    slugs += [slug + registry.TUNED for slug in slugs]
    slugs += [*registry.CORRECTIONS] if "corrected" in contents.notebooks() else []
    for slug in sorted(slugs):
        found[slug] = run = tuning.trained(slug, digits, preset)
        export.save(run, slug, registry.title(slug), preset, folder)
        if slug in registry.TECHNIQUES:
            paths[slug] = tuning.along(slug, digits, preset)
            web.save_technique(slug, run, paths[slug], digits, folder)
    post = {slug: paths[slug] for slug in registry.EXPERIMENTS if slug in paths}
    web.save_cover(post, digits, folder)
    for path in (build / "given").rglob("*.*"):
        shutil.copy(path, folder)
    return found
