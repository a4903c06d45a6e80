"""`make bench`: this project's loop beside its peers, on the same work; and what a step costs.

Ratios come first, since a machine's speed drifts: each peer's block of steps is timed right after
a block of ours, several times, and the median of the ratios counts. The record goes to
bench/results/<machine>.json; the chapter "How fast" shows it.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import costs
import numpy as np
import processes  # before the package, which sets variables that are not for the peers
from peers import FLOOR, PEERS, Work, ours

from regularization.core import data
from regularization.results import benchmarks, provenance
from regularization.results.files import replacing

ROOT = Path(__file__).parents[1]
ROUNDS, FEW_ROUNDS = 15, 3  # few on an accelerator: all of it in five minutes
STEPS = 1_000  # of a block of the compared work
REPLICAS = (1, 2, 4, 8, 16, 32, 64)
ON_ACCELERATOR = (*REPLICAS, 128, 256, 512, 1_024, 2_048, 4_096)


def main():
    """Measure, print and write the record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", default="auto")
    parser.add_argument("--results", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--machine", help="the record's name; by default the device's")
    parser.add_argument("--book", choices=["paper", "quick"], help="also time a cold `make book`")
    parser.add_argument("--flags", help="only our loop under these XLA_FLAGS, beside it as it is")
    arguments = parser.parse_args()
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    try:
        digits = data.load(arguments.dataset)
    except (ValueError, data.DataError) as error:
        sys.exit(str(error))
    device, at_once = processes.call(costs.device, KERAS_BACKEND=backend)
    machine = describe(device)
    print(f"{machine['processor']}, {machine['cores']} cores; {backend} on {device}\n")

    work = make_work(digits)
    on_cpu = device == "CPU"
    compared, rounds = (ROUNDS, costs.ROUNDS) if on_cpu else (FEW_ROUNDS,) * 2
    if arguments.flags:
        return hold_flags(arguments.flags, work, backend, (1, 8, 64), compared)
    peers = compare(work, backend, at_once, compared)

    def call(function, *settings):
        return processes.call(function, *settings, KERAS_BACKEND=backend)

    def sweep(name, values):
        return call(costs.throughput, digits, [{name: value} for value in values], rounds)

    floor, techniques, alike = call(costs.techniques, digits, work, rounds)
    show_techniques(floor, techniques, alike)
    replicas = sweep("replicas", REPLICAS if on_cpu else ON_ACCELERATOR)
    show_sweep("replicas", replicas)
    batch_size = sweep("batch_size", (8, 32, 128, 512))
    show_sweep("batch_size", batch_size)
    steps = call(costs.fits, digits, (1_000, 10_000, 150_000))
    programs = call(costs.programs, digits) if on_cpu else []
    print_table(
        ["a whole fit of one replica", "s"],
        [(f"{r['steps']:,} steps", f"{r['seconds']:.1f}") for r in steps],
    )
    print_table(
        ["compiling a chapter's programs", "s"],
        [(row["technique"], f"{row['seconds']:.1f}") for row in programs],
    )
    record = {
        "schema": benchmarks.SCHEMA,
        "machine": machine,
        "versions": provenance.versions(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        "commit": provenance.commit(),
        "work": {
            "dataset": digits.name,
            "batch_size": work.order.shape[1],
            "backend": backend,
            "programs_at_once": at_once,
            "rounds": compared,
        },
        "floor": floor,
        "peers": peers,
        "techniques": techniques,
        "alike": alike,
        "replicas": replicas,
        "batch_size": batch_size,
        "steps": steps,
        "programs": programs,
        "book": {},
    }
    path = arguments.results / f"{arguments.machine or slug(machine, backend)}.json"
    write(record, path)
    if arguments.book:  # the chapter "How fast" reads the record
        write(record | {"book": time_book(arguments, backend)}, path)
    print(f"The record is {path}")


def write(record, path):
    """Write a record, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def make_work(digits):
    """Return the compared work: what our loop takes from seed 0 in its first block of steps."""
    from regularization.core.model import initial_kernels
    from regularization.core.subsets import image_order

    images = digits.train_images.reshape(len(digits.train_images), -1)
    return Work(
        images=images,
        labels=digits.train_labels.astype("int32"),
        kernel=initial_kernels(0, [(digits.classes, images.shape[1])])[0],
        order=image_order(0, len(images), 32)(STEPS),
    )


def compare(work, backend, at_once, rounds):
    """Time each peer in turn with our loop on one replica; print the table, return its rows."""
    rows = []
    header = [
        "who (a row's ratio: its time over ours)",
        "ratio",
        "us a step",
        "start s",
        "compile s",
        "MiB",
    ]
    print(line(header))
    with processes.process(processes.serve, ours, work, KERAS_BACKEND=backend) as ask_ours:
        for peer in PEERS:
            if find_spec(peer.package) is None:
                print(f"{peer.title}: skipped, {peer.package} is not installed")
                continue
            try:
                start = peer.title, rounds, ask_ours, peer.start, work
                rows.append(pair(*start, KERAS_BACKEND="tensorflow"))
            except RuntimeError as error:
                print(f"{peer.title}: skipped, it failed: {error}")
                continue
            rows[-1]["same_work"] = peer.same_work
            print(peer_line(rows[-1]))
        many = max(at_once, 2)
        title = f"this project, {many} replicas side by side, per replica"
        rows.append(pair(title, rounds, ask_ours, ours, work, many, KERAS_BACKEND=backend))
        for key in ("seconds", "ratio"):
            rows[-1][key] /= many
        print(peer_line(rows[-1]))
        ask_ours("block")
        alone = ask_ours("stop")
    seconds = float(np.median([row.pop("our_seconds") for row in rows]))
    rows.append({"title": "this project, one replica", "ratio": 1.0, "seconds": seconds} | alone)
    print(peer_line(rows[-1]))
    floor = [row["ratio"] for row in rows if row["title"] == FLOOR]
    print(f"Ours takes {1 / floor[0]:.2f} times the floor.\n" if floor else "")
    return [{"same_work": True} | row for row in rows]


def hold_flags(flags, work, backend, replicas, rounds):
    """Time our loop under other XLA_FLAGS in turn with it as it is; print the ratios."""
    rows = []
    for count in replicas:
        serving = processes.serve, ours, work, count
        with processes.process(*serving, KERAS_BACKEND=backend) as ask_ours:
            told = {"KERAS_BACKEND": backend, "XLA_FLAGS": flags}
            row = pair(flags, rounds, ask_ours, ours, work, count, **told)
            ask_ours("stop")
        times = (f"{1e6 * row[name]:.1f}" for name in ("seconds", "our_seconds"))
        rows.append((count, f"{row['ratio']:.2f}", *times))
    print_table([f"models, XLA_FLAGS={flags}", "ratio", "us a step", "without"], rows)


def pair(title, rounds, ask_ours, start, work, *settings, **environment):
    """Return a peer's row: the medians of its seconds a step and of the ratios to ours, in turn."""
    with processes.process(processes.serve, start, work, *settings, **environment) as ask:
        ask("block")
        pairs = [(ask_ours("block"), ask("block")) for _ in range(rounds)]
        about = ask("stop")
    mine, theirs = np.transpose(pairs)
    return {
        "title": title,
        "ratio": float(np.median(theirs / mine)),
        "seconds": float(np.median(theirs)),
        "our_seconds": float(np.median(mine)),
        **about,
    }


def show_techniques(floor, techniques, alike):
    """Print what each technique costs, and models that share their batches."""
    named = [(row["technique"], row) for row in techniques]
    named.append((f"none, each of {alike['models']} models of one seed", alike))
    print_table(
        ["a model on one core", "over none", "over floor", "us a step"],
        [
            (
                name,
                f"{row['over_plain']:.2f}",
                f"{row['over_floor']:.2f}" if floor else "",
                f"{1e6 * row['seconds']:.1f}",
            )
            for name, row in named
        ]
        + ([("the floor", "", "1.00", f"{1e6 * floor['seconds']:.1f}")] if floor else []),
    )


def show_sweep(name, rows):
    """Print what a step costs with more replicas, or a larger batch: in all, and for each."""
    first = rows[0][name]
    print_table(
        [name, "throughput", "us a step", "us for each"],
        [
            (
                row[name],
                f"{row[name] / first / row['relative']:.2f}",
                f"{1e6 * row['seconds']:.1f}",
                f"{1e6 * row['seconds'] / row[name]:.2f}",
            )
            for row in rows
        ],
    )


def time_book(arguments, backend):
    """Return the wall time of a cold `make book`, chapter by chapter, on this backend."""
    build = ROOT / "_build" / "bench"
    shutil.rmtree(build, ignore_errors=True)
    command = ["make", "book", f"PRESET={arguments.book}", f"BUILD={build.relative_to(ROOT)}"]
    command += [f"BACKEND={backend}", f"DATA={arguments.dataset}"]
    begun = time.perf_counter()
    if subprocess.run(command, cwd=ROOT, env=processes.ENVIRONMENT).returncode:
        sys.exit(f"{' '.join(command)} failed: the record holds the rest, without its time.")
    seconds = time.perf_counter() - begun
    pages = {}
    for path in sorted((build / "logs").rglob("*.json")):
        made = json.loads(path.read_text(encoding="utf-8"))
        page = path.relative_to(build / "logs").with_suffix("").as_posix()
        pages[page] = {name: made[name] for name in ("seconds", "peak_memory_mib")}
    print(f"{' '.join(command)}: {seconds:.0f} s\n")
    return {"preset": arguments.book, "seconds": seconds, "pages": pages}


def describe(device):
    """Return the machine in words that do not name it: processor, cores, memory, device, system."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        processor = re.search(r"model name\s*:\s*(.+)", text).group(1)
    except (OSError, AttributeError):
        processor = platform.processor() or platform.machine()
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "processor": processor.strip(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "memory_gib": round(pages / 2**30),
        "device": device,
        "system": f"{platform.system()} {platform.machine()}",
    }


def slug(machine, backend):
    """Return a record's name: what computes, how many cores, the backend if not the default."""
    gpu = machine["device"] != "CPU"
    what = machine["device"] if gpu else f"{machine['processor']} {machine['cores']} cores"
    suffix = "" if backend == "tensorflow" else f"-{backend}"
    return re.sub(r"[^a-z0-9]+", "-", what.lower()).strip("-") + suffix


def peer_line(row):
    """Return a peer's row as a line of the table."""
    numbers = (
        f"{row['ratio']:.2f}",
        f"{1e6 * row['seconds']:.1f}",
        f"{row['ready_seconds']:.1f}",
        f"{row['compile_seconds']:.1f}",
        f"{row['peak_memory_bytes'] / 2**20:.0f}",
    )
    return line([row["title"], *numbers])


def line(cells):
    """Return cells as a line: the first to the left, the others to the right."""
    first, *others = map(str, cells)
    return f"{first:<58}" + "".join(f"{cell:>12}" for cell in others)


def print_table(header, rows):
    """Print a table and an empty line."""
    print(line(header))
    print(*map(line, rows), sep="\n", end="\n\n", flush=True)


if __name__ == "__main__":
    main()
