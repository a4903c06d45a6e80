"""Release the book: check that it may be, note it, and pack the site with its checksums.

Nothing is sent anywhere. What is left to do is to push the commit and the tag, with the archive.
"""

import argparse
import datetime
import gzip
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

from regularization.results.files import replacing, write
from workflow.build import records

ROOT = Path(__file__).parents[2]
NAME = "seeing-regularization"
#: Where the version stands, and the day of the release: pattern and what takes its place.
VERSIONS = {
    "CITATION.cff": [(r"(?m)^version: .*$", "version: {version}")]
    + [(r"(?m)^date-released: .*$", "date-released: {day}")],
    "pyproject.toml": [(r'(?m)^version = ".*"$', 'version = "{version}"')],
}
WRITTEN = ["CHANGELOG.md", "published/results.json", *VERSIONS]


class Refused(Exception):
    """The book cannot be released as it is; the message says why, and what to do."""


def main():
    """Release a version, or say in one paragraph why not, and leave everything as it was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("_build"))
    parser.add_argument("--version", required=True)
    arguments = parser.parse_args()
    try:
        check_version(arguments.version)
        check_tree()
        check_build(arguments.build)
        release(arguments.version, arguments.build)
    except Refused as error:
        sys.exit(str(error))


def check_version(version):
    """Refuse a version that is none, or not above the last one."""
    last = re.search(r"(?m)^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"))[1]
    numbers = [tuple(map(int, re.findall(r"\d+", each))) for each in (version, last)]
    if not re.fullmatch(r"\d+\.\d+\.\d+", version) or numbers[0] <= numbers[1]:
        raise Refused(
            f"VERSION='{version}' cannot be released. Expected three numbers, above the last "
            f"release's {last}. For example: make release VERSION={numbers[1][0] + 1}.0.0"
        )


def check_tree():
    """Refuse a tree in which something is not committed."""
    if changed := git("status", "--porcelain").splitlines():
        raise Refused(
            f"The tree is not clean: {', '.join(line[3:] for line in changed[:5])}. Expected "
            "everything to be committed, so that the release is of one commit. Commit or stash it."
        )


def check_build(build):
    """Refuse a build that is not whole, not of these sources, or whose figures have moved."""
    made = [build / "logs" / f"{page}.json" for page in pages(build)] + [build / "site.json"]
    outdated = [path for path in made if not records.is_current(path)]
    if len(made) == 1 or outdated:
        raise Refused(
            f"The build in {build} is not of the sources as they are. Expected a whole build of "
            "this commit. Run `make book` first."
        )
    try:
        run("release.verify", "--build", build)
    except Refused as error:
        raise Refused(
            f"{error} If the figures are meant to move, say why in a commit that holds the new "
            "ones: `make publish`."
        ) from error


def pages(build):
    """Return the names of the chapters that a build has executed."""
    executed = build / "executed"
    found = (path.relative_to(executed) for path in executed.rglob("*.ipynb"))
    return sorted(path.with_suffix("").as_posix() for path in found)


def release(version, build):
    """Note the version, commit it, build the pages that name it, pack them, and tag the commit."""
    before = after = git("rev-parse", "HEAD")
    backend = json.loads((build / "settings.json").read_text(encoding="utf-8"))["backend"]
    shutil.rmtree(build / "release", ignore_errors=True)
    try:
        day = datetime.datetime.now(datetime.UTC).date()
        for name, replaced in VERSIONS.items():
            text = (ROOT / name).read_text(encoding="utf-8")
            for pattern, line in replaced:
                text = re.sub(pattern, line.format(version=version, day=day), text)
            (ROOT / name).write_text(text, encoding="utf-8")
        note(version, day)
        run("release.verify", "--build", build, "--publish")
        git("add", *WRITTEN)
        git("commit", "--quiet", "--message", f"Release {version}")
        after = git("rev-parse", "HEAD")
        settings = ["--preset", "paper", "--dataset", "mnist", "--jobs", os.cpu_count()]
        run("build.book", "--build", build, *settings, KERAS_BACKEND=backend)
        archive, runs = pack(build, version)
        git("tag", "--annotate", f"v{version}", "--message", f"Release {version}")
    except BaseException:
        shutil.rmtree(build / "release", ignore_errors=True)
        if git("rev-parse", "HEAD") == after:  # and nobody has gone on from it
            git("reset", "--quiet", "--soft", before)
        git("restore", "--staged", "--worktree", "--source", before, *WRITTEN)
        raise
    print(
        f"Released {version}: {archive}, {runs.name} and their checksums. What is left is to push:"
    )
    print(f"git push --follow-tags && gh release create v{version} {archive.parent}/*")


def run(module, *words, **environment):
    """Run a module of the workflow; Refused, with what it said, if it fails."""
    command = [sys.executable, "-m", f"workflow.{module}", *map(str, words)]
    settings = dict(cwd=ROOT, env=os.environ | environment, capture_output=True, encoding="utf-8")
    process = subprocess.run(command, **settings)
    if process.returncode:
        raise Refused(f"{process.stderr.strip()} Nothing was released.")


def note(version, day):
    """Enter the release in the changelog: what was committed since the last one."""
    last = _git("describe", "--tags", "--abbrev=0").stdout.strip()
    subjects = git("log", "--format=- %s", *([f"{last}..HEAD"] if last else [])).splitlines()
    path = ROOT / "CHANGELOG.md"
    head, _, older = path.read_text(encoding="utf-8").partition("\n## ")
    entry = "\n".join([f"## {version}, {day}", "", *subjects])
    older = f"\n\n## {older}" if older else "\n"
    path.write_text(f"{head.rstrip()}\n\n{entry}{older}", encoding="utf-8")


def pack(build, version):
    """Pack the site and its runs, each the same whenever it is made; return the archives' paths."""
    folder, used = build / "release", runs_of(build)
    archives = [folder / f"{NAME}-{version}.tar.gz", folder / f"{NAME}-{version}-runs.tar.gz"]
    pack_folder(archives[0], build / "html", f"{NAME}-{version}")
    pack_folder(archives[1], build / "runs", "runs", only=used)
    sums = [f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in archives]
    write(folder / "SHA256SUMS", "".join(sums))
    return archives


def runs_of(build):
    """Return the names of the files in the store that the pages, and what they give, asked for."""
    logs = (build / "logs" / f"{page}.json" for page in pages(build))
    asked = [*(json.loads(log.read_text(encoding="utf-8"))["runs"] for log in logs)]
    asked += [json.loads((build / "site.json").read_text(encoding="utf-8")).get("runs", [])]
    return {f"{name}.safetensors" for names in asked for name in names}


def pack_folder(archive, source, name, only=None):
    """Pack the files of a folder, or `only` those of these names, under a `name`."""
    moment = int(git("log", "-1", "--format=%ct"))

    def plain(member):
        if only is not None and member.isfile() and Path(member.name).name not in only:
            return None
        member.mtime, member.uid, member.gid = moment, 0, 0
        member.uname = member.gname = ""
        member.mode = 0o755 if member.isdir() else 0o644
        return member

    with replacing(archive) as temporary:
        with (
            open(temporary, "wb") as raw,
            gzip.GzipFile("", "wb", fileobj=raw, mtime=moment) as packed,
        ):
            with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
                tar.add(source, arcname=name, filter=plain)


def git(*words):
    """Return what git prints; Refused if it fails."""
    process = _git(*words)
    if process.returncode:
        raise Refused(f"git {words[0]} failed: {process.stderr.strip()} Nothing was released.")
    return process.stdout.strip("\n")


def _git(*words):
    """Run git in the project's own repository: never in one around it, which is somebody else's."""
    known = os.environ | {"GIT_CEILING_DIRECTORIES": str(ROOT.parent)}
    return subprocess.run(
        ["git", *words], cwd=ROOT, capture_output=True, encoding="utf-8", env=known
    )


if __name__ == "__main__":
    main()
