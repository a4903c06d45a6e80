# A sweep's blocks, each a job. Run it through `make sweep`, which writes what each is to train.
from pathlib import Path

SWEEP, RUNS = Path(config["sweep"]), Path(config["runs"])
BLOCKS = (SWEEP / "blocks.txt").read_text(encoding="utf-8").split()


rule all:
    input:
        expand(f"{RUNS}/{{block}}.safetensors", block=BLOCKS),


rule block:
    input:
        ancient(f"{SWEEP}/{{block}}.json"),
    output:
        # One that a killed sweep's job has left since is found there, and stays.
        update(f"{RUNS}/{{block}}.safetensors"),
    log:
        f"{SWEEP}/{{block}}.log",
    resources:
        cpus_per_task=2,
        mem_mb=4_000,
        runtime=120,  # minutes
        gpu=int(config.get("gpu", 0)),
    shell:
        "python -m workflow.build.block {input:q} {output:q} 2> {log:q}"
