# What depends on what: settings and sources -> executed chapters and results -> site.
# Run it through `make book`, which writes settings.json first.
import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow"))
import contents
import dependencies

BUILD = config.get("build", "_build")
BOOK = Path("book")
NOTEBOOKS = contents.notebooks()
TECHNIQUES = contents.techniques()
POST = contents.of_the_post()
TUNED = [f"{slug}_tuned" for slug in TECHNIQUES]


def in_results(*names):
    return expand(f"{BUILD}/results/{{name}}", name=names)


def runs(*slugs):
    return in_results(*(f"{slug}.{kind}" for slug in slugs for kind in ("json", "npz")))


# What a page leaves beside its executed copy: runs, and what the pages load that the reader moves.
LEAVES = {f"techniques/{slug}": runs(slug, f"{slug}_tuned") + in_results(f"{slug}.film") for slug in TECHNIQUES}
LEAVES["corrected"] = runs("density_weights", "drawn_weights", "l2_path")
LEAVES["beyond/deeper"] = in_results("deeper_claims.json")
KNOBS = ["l2_strength", "l1_strength", "dropout_rate", "noise_scale", "gaussian_noise", "norm"]
LEAVES["beyond/strength"] = in_results(*(f"strength_{knob}.film" for knob in KNOBS))
LEAVES["living"] = in_results("weights.bin", "test_digits.bin", "training_digits.bin")
LEAVES["reproduction"] = in_results("ledger.json")

# Which page reads what others leave: a technique compares itself with the plain runs.
PLAIN = runs("no_regularization", "no_regularization_tuned")
READS = {f"techniques/{slug}": PLAIN for slug in TECHNIQUES}
READS["techniques/no_regularization"] = []
READS["techniques/weight_normalization"] = PLAIN + runs("l2")
READS["comparison"] = runs(*POST)
READS["corrected"] = runs(*POST, "weight_normalization_with_gain")
READS["reproduction"] = READS["corrected"] + LEAVES["corrected"] + LEAVES["beyond/deeper"]
READS["equal_care"] = runs(*TUNED)
READS["map"] = runs(*TECHNIQUES)
READS["living"] = runs(*TECHNIQUES, *TUNED)
# A chapter takes the table of the sweep of its name, where `make sweep` has made one.
for page in ("beyond/strength", "beyond/when_it_helps"):
    READS[page] = [path for path in in_results(f"{Path(page).name}.csv") if Path(path).is_file()]
READS["beyond/speed"] = sorted(map(str, Path("bench/results").glob("*.json")))

# What a job asks of a cluster, at paper: an estimate, on the generous side.
LONG = [page for page in NOTEBOOKS if page.startswith(("techniques/", "beyond/"))] + ["corrected"]


rule site:
    input:
        executed=expand(f"{BUILD}/executed/{{page}}.ipynb", page=NOTEBOOKS),
        left=[path for page in NOTEBOOKS for path in LEAVES.get(page, [])],
        pages=[str(p) for p in sorted(BOOK.rglob("*")) if p.is_file() and p.suffix != ".ipynb"],
        config=["_config.yml", "_toc.yml", "CITATION.cff", "requirements.txt"],
        scripts=[f"workflow/{name}.py" for name in ["site", "colophon", "contents", "repository"]],
        theme=[str(p) for p in sorted(Path("workflow/theme").rglob("*.*")) if p.suffix != ".pyc"],
        figures=[str(p) for p in sorted(Path("src/regularization/report").glob("*.*"))],
        settings=f"{BUILD}/settings.json",
    output:
        f"{BUILD}/html/index.html",
    log:
        f"{BUILD}/logs/site.log",
    resources:
        mem_mb=4_000,
        runtime=30,
    shell:
        f"python workflow/site.py --build {BUILD} --log {{log}} --inputs {{input}}"


# Outputs of chapters are `update`d: one whose inputs were written anew, as they were, stays.
for page in NOTEBOOKS:

    rule:
        name:
            page.replace("/", "_")
        input:
            notebook=f"book/{page}.ipynb",
            settings=f"{BUILD}/settings.json",
            lock="requirements.txt",
            execute="workflow/execute.py",
            sources=[
                str(Path(path).relative_to(workflow.basedir))
                for path in dependencies.of_notebook(f"book/{page}.ipynb")
            ],
            reads=READS.get(page, []),
        output:
            update(f"{BUILD}/executed/{page}.ipynb"),
            *map(update, LEAVES.get(page, [])),
        log:
            f"{BUILD}/logs/{page}.log",
        priority: int(page in LONG)  # the long ones first
        resources:
            cpus_per_task=4 if page in LONG else 1,
            mem_mb=8_000 if page in LONG else 4_000,
            runtime=120 if page in LONG else 30,  # minutes
            gpu=int(config.get("gpu", 0)) if page in LONG else 0,
        shell:
            "python workflow/execute.py {input.notebook} {output} --inputs {input} --log {log} "
            f"--settings {BUILD}/settings.json --results {BUILD}/results"
