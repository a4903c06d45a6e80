# A sweep's blocks, each a job. Run it through `make sweep`, which writes what each is to train.
from pathlib import Path

SWEEP = Path(config["sweep"])
BLOCKS = (SWEEP / "blocks.txt").read_text().split()


rule all:
    input:
        expand(f"{SWEEP}/{{block}}.csv", block=BLOCKS),


rule block:
    input:
        ancient(f"{SWEEP}/{{block}}.json"),
    output:
        f"{SWEEP}/{{block}}.csv",
    log:
        f"{SWEEP}/{{block}}.log",
    resources:
        cpus_per_task=2,
        mem_mb=4_000,
        runtime=120,  # minutes
        gpu=int(config.get("gpu", 0)),
    shell:
        "python workflow/block.py {input} {output} 2> {log}"
