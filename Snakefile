# The chapters, the site, and what a job needs. Run it through `make book`, which writes settings.json.
import os
import sys
from pathlib import Path

sys.path.insert(0, workflow.basedir)
from workflow.build import contents, dependencies

BUILD = config.get("build", "_build")
BOOK = Path("book")
NOTEBOOKS = contents.notebooks()
# Those that train for long: begun first, and what they ask of a cluster at paper, generously.
LONG = [page for page in NOTEBOOKS if page.startswith(("techniques/", "why/"))] + ["corrected"]


def relative(paths):
    return [os.path.relpath(path, workflow.basedir) for path in paths]


rule site:
    input:
        executed=expand(f"{BUILD}/executed/{{page}}.ipynb", page=NOTEBOOKS),
        pages=[str(p) for p in sorted(BOOK.rglob("*")) if p.is_file() and p.suffix != ".ipynb"],
        config=["_config.yml", "_toc.yml", "CITATION.cff", "requirements.txt"],
        scripts=[f"workflow/{name}.py" for name in ("build/brought", "build/contents", "tools/repository")],
        site=[str(p) for p in sorted(Path("workflow/site").rglob("*.*")) if p.suffix != ".pyc"],
        sources=relative(dependencies.of_scripts(*Path("workflow/site").glob("*.py"))),
        settings=f"{BUILD}/settings.json",
    output:
        f"{BUILD}/site.json",  # the pages are put in place of those before when they are whole
    log:
        f"{BUILD}/logs/site.log",
    resources:
        mem_mb=4_000,
        runtime=30,
    params:
        build=BUILD,
    shell:
        "python -m workflow.site.pages --build {params.build:q} --log {log:q} --inputs {input:q}"


# What chapters train, they find in the store or leave there: none depends on another. A copy is
# `update`d: where all that it was made from was written anew, as it was, it stays.
for page in NOTEBOOKS:

    rule:
        name:
            page.replace("/", "_")
        input:
            notebook=f"book/{page}.ipynb",
            settings=f"{BUILD}/settings.json",
            lock="requirements.txt",
            execute="workflow/build/execute.py",
            sources=relative(dependencies.of_notebook(f"book/{page}.ipynb")),
            # The table of the sweep of its name, where `make sweep` has made one.
            swept=[str(p) for p in Path(BUILD, "sweeps").glob(f"{Path(page).name}.csv")],
            records=sorted(map(str, Path("bench/results").glob("*.json"))) if page.endswith("speed") else [],
        output:
            update(f"{BUILD}/executed/{page}.ipynb"),
        log:
            f"{BUILD}/logs/{page}.log",
        params:
            build=BUILD,
            page=page,
        priority: int(page in LONG)
        resources:
            cpus_per_task=4 if page in LONG else 1,
            mem_mb=8_000 if page in LONG else 4_000,
            runtime=120 if page in LONG else 30,  # minutes
            gpu=int(config.get("gpu", 0)) if page in LONG else 0,
        shell:
            "python -m workflow.build.execute {input.notebook:q} {output:q} --inputs {input:q} "
            "--log {log:q} --build {params.build:q} --page {params.page:q}"
