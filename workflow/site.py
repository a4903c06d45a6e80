"""Build the site, strictly, from the executed chapters: all of it or none."""

import argparse
import json
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]


def main():
    """Stage the executed book, build it, and put the site in place of the one before."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--log", type=Path, required=True)
    arguments = parser.parse_args()
    build = arguments.build.absolute()
    stage, work, html = build / "stage", build / "site", build / "html"
    for folder in (stage, work, html):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ROOT / "book", stage, ignore=shutil.ignore_patterns("*.ipynb", ".*"))
    shutil.copytree(
        build / "executed", stage, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*")
    )
    config = build / "config.yml"
    config.write_text(yaml.safe_dump(with_provenance(build), allow_unicode=True))

    command = ["jupyter-book", "build", str(stage), "--config", str(config)]
    command += ["--toc", str(ROOT / "_toc.yml"), "--path-output", str(work)]
    with open(arguments.log, "w") as log:
        status = subprocess.call(
            [*command, "-W", "-n", "--keep-going", "-q"], stdout=log, stderr=subprocess.STDOUT
        )
    if status or not (work / "_build" / "html" / "index.html").is_file():
        lines = arguments.log.read_text().splitlines()
        warnings = [line for line in lines if "WARNING" in line or "ERROR" in line] or lines[-5:]
        sys.exit(
            "The site was not built: " + " ".join(warnings[:5]) + " Expected a build without "
            f"warnings. The log is {arguments.log}."
        )
    (work / "_build" / "html").rename(html)
    shutil.rmtree(work)


def with_provenance(build):
    """Return the configuration with a footer that says what made the pages, and a banner if due."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    settings = json.loads((build / "settings.json").read_text())
    runs = [json.loads(path.read_text()) for path in sorted((build / "results").glob("*.json"))]
    options = config["sphinx"]["config"].setdefault("html_theme_options", {})
    if runs:
        options["extra_footer"] = f"<p>{footer(settings, runs[0])}</p>"
    reasons = []
    if settings["preset"] == "quick":
        reasons.append("a quick build: few steps and seeds, so its numbers are not the book's")
    if settings["dataset"] == "digits":
        reasons.append("built on scikit-learn's 8x8 digits, a stand-in for MNIST")
    if reasons:
        options["announcement"] = f"This is {', and '.join(reasons)}."
    return config


def footer(settings, run):
    """Say in one line what made the pages."""
    versions = run["versions"]
    return " · ".join(
        [
            f"preset {settings['preset']}",
            f"data set {settings['dataset']}",
            f"{run['steps']:,} steps",
            f"seeds {', '.join(map(str, run['seeds']))}",
            run["device"],
            f"{run['backend']} {versions[run['backend']]}",
            f"Keras {versions['keras']}",
            f"NumPy {versions['numpy']}",
            f"Python {versions['python']}",
            f"commit {run['commit']}",
        ]
    )


if __name__ == "__main__":
    main()
