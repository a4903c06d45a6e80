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


def results(*slugs):
    return expand(f"{BUILD}/results/{{slug}}.{{kind}}", slug=slugs, kind=["json", "npz"])


# What the chapter "As it should be" trains.
CORRECTIONS = ["density_weights", "drawn_weights", "l2_path"]

# What the pages load that the reader moves: films of chapters, digits and weights (assets/living).
def films(*slugs):
    return expand(f"{BUILD}/results/{{slug}}.film", slug=slugs)


KNOBS = ["l2_strength", "l1_strength", "dropout_rate", "noise_scale", "gaussian_noise", "norm"]
KNOB_FILMS = expand(f"{BUILD}/results/strength_{{knob}}.film", knob=KNOBS)
LIVING = expand(f"{BUILD}/results/{{name}}.bin", name=["weights", "test_digits", "training_digits"])

# The claims that the chapter on deeper networks decides; the ledger takes them in.
DEEPER = f"{BUILD}/results/deeper_claims.json"

# Which chapter compares itself with whose runs: first the plain one, then the others.
PLAIN = ["no_regularization", "no_regularization_tuned"]
READS = {f"techniques/{slug}": PLAIN for slug in TECHNIQUES}
READS["techniques/no_regularization"] = []
READS["techniques/weight_normalization"] = PLAIN + ["l2"]
READS["comparison"] = POST
READS["corrected"] = POST + ["weight_normalization_with_gain"]
READS["reproduction"] = READS["corrected"] + CORRECTIONS
READS["equal_care"] = [f"{slug}_tuned" for slug in TECHNIQUES]
READS["map"] = TECHNIQUES
READS["living"] = TECHNIQUES + READS["equal_care"]
EXECUTE = (
    "python workflow/execute.py {input.notebook} {output} --inputs {input} --log {log} "
    f"--settings {BUILD}/settings.json --results {BUILD}/results"
)


# Outputs of chapters are `update`d: one whose inputs were written anew, as they were, stays.
def made_from(page):
    notebook = f"book/{page}.ipynb"
    return {
        "notebook": notebook,
        "settings": f"{BUILD}/settings.json",
        "lock": "requirements.txt",
        "execute": "workflow/execute.py",
        "sources": [str(Path(p).relative_to(workflow.basedir)) for p in dependencies.of_notebook(notebook)],
        "results": results(*READS.get(page, [])),
        "claims": [DEEPER] if page == "reproduction" else [],
        "records": sorted(map(str, Path("bench/results").glob("*.json"))) if page == "beyond/speed" else [],
    }


rule site:
    input:
        executed=expand(f"{BUILD}/executed/{{page}}.ipynb", page=NOTEBOOKS),
        pages=[str(p) for p in sorted(BOOK.rglob("*")) if p.is_file() and p.suffix != ".ipynb"],
        config=["_config.yml", "_toc.yml", "CITATION.cff", "requirements.txt"],
        scripts=[f"workflow/{name}.py" for name in ["site", "colophon", "contents", "repository"]],
        theme=[str(p) for p in sorted(Path("workflow/theme").rglob("*.*")) if p.suffix != ".pyc"],
        figures=["src/regularization/figures.py", "src/regularization/book.mplstyle"],
        results=results(*TECHNIQUES, *READS["equal_care"], *CORRECTIONS),
        films=films(*TECHNIQUES) + KNOB_FILMS,
        living=LIVING,
        ledger=f"{BUILD}/results/ledger.json",
    output:
        f"{BUILD}/html/index.html",
    log:
        f"{BUILD}/logs/site.log",
    threads: workflow.cores
    shell:
        f"python workflow/site.py --build {BUILD} --log {{log}}"


rule technique:
    input:
        unpack(lambda wildcards: made_from(f"techniques/{wildcards.page}")),
    output:
        executed=update(f"{BUILD}/executed/techniques/{{page}}.ipynb"),
        runs=update(results("{page}", "{page}_tuned")),
        film=update(films("{page}")),
    log:
        f"{BUILD}/logs/techniques/{{page}}.log",
    priority: 1  # the long ones first
    shell:
        EXECUTE


rule corrected:
    input:
        unpack(lambda wildcards: made_from("corrected")),
    output:
        executed=update(f"{BUILD}/executed/corrected.ipynb"),
        runs=update(results(*CORRECTIONS)),
    log:
        f"{BUILD}/logs/corrected.log",
    shell:
        EXECUTE


rule deeper:
    input:
        unpack(lambda wildcards: made_from("beyond/deeper")),
    output:
        executed=update(f"{BUILD}/executed/beyond/deeper.ipynb"),
        claims=update(DEEPER),
    log:
        f"{BUILD}/logs/beyond/deeper.log",
    priority: 1
    shell:
        EXECUTE


rule strength:
    input:
        unpack(lambda wildcards: made_from("beyond/strength")),
    output:
        executed=update(f"{BUILD}/executed/beyond/strength.ipynb"),
        films=update(KNOB_FILMS),
    log:
        f"{BUILD}/logs/beyond/strength.log",
    shell:
        EXECUTE


rule living:
    input:
        unpack(lambda wildcards: made_from("living")),
    output:
        executed=update(f"{BUILD}/executed/living.ipynb"),
        files=update(LIVING),
    log:
        f"{BUILD}/logs/living.log",
    shell:
        EXECUTE


rule reproduction:
    input:
        unpack(lambda wildcards: made_from("reproduction")),
    output:
        executed=update(f"{BUILD}/executed/reproduction.ipynb"),
        ledger=update(f"{BUILD}/results/ledger.json"),
    log:
        f"{BUILD}/logs/reproduction.log",
    shell:
        EXECUTE


rule chapter:
    input:
        unpack(lambda wildcards: made_from(wildcards.page)),
    output:
        executed=update(f"{BUILD}/executed/{{page}}.ipynb"),
    log:
        f"{BUILD}/logs/{{page}}.log",
    wildcard_constraints:
        page="(?!techniques/|corrected$|reproduction$|living$|beyond/(?:deeper|strength)$).+",
    shell:
        EXECUTE
