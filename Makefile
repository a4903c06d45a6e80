# The front door. `make help` lists what it opens.
PRESET  ?= paper
DATA    ?= auto
BACKEND ?= tensorflow
JOBS    ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
BUILD   ?= _build
PORT    ?= 8000
PROFILE ?=
GPU     ?= 0
CONFIG  ?=
VERSION ?=
AGAINST ?=
RUNS    ?=

one_of = $(if $(filter $(words $($(1))):$($(1)),$(addprefix 1:,$(2))),,$(error \
  $(1)='$($(1))' is unknown. Expected one of: $(2). For example: make book $(1)=$(firstword $(2))))
$(call one_of,PRESET,paper quick)
$(call one_of,DATA,auto mnist digits)
$(call one_of,BACKEND,tensorflow jax)
PROFILES = $(patsubst profiles/%/config.yaml,%,$(wildcard profiles/*/config.yaml))
$(if $(PROFILE),$(call one_of,PROFILE,$(PROFILES)))
WHERE = --build "$(BUILD)" --jobs $(JOBS) --gpus $(GPU) $(if $(PROFILE),--profile $(PROFILE))

export KERAS_BACKEND := $(BACKEND)
# Chapters run in their own folders, so a relative folder is made absolute here, where it was given.
ifneq ($(MNIST_DIR),)
override export MNIST_DIR := $(shell cd "$(MNIST_DIR)" 2>/dev/null && pwd || echo "$(MNIST_DIR)")
endif
# A checkout runs its own sources, whatever environment it was lent.
export PYTHONPATH := $(CURDIR)/src
ifeq ($(OS),Windows_NT)
export PATH := $(CURDIR)/.venv/Scripts;$(PATH)
else
export PATH := $(CURDIR)/.venv/bin:$(PATH)
endif

BIOME = node_modules/.bin/biome
PACKAGES = $(if $(shell command -v npm),node_modules/.installed)

.PHONY: help book quick sweep chapter pdf links lint test test-all bench verify publish release lab \
  serve lock picture strip repository clean

help:  ## this list
	@echo "make book    execute every chapter and build the site ($(BUILD)/html/index.html)"
	@echo "make quick   the same in two to five minutes: few steps, two seeds"
	@echo "make sweep CONFIG=sweeps/hundred_seeds.toml"
	@echo "             train a grid of models in jobs of their own; go on where it stopped"
	@echo "make chapter NAME=slug TITLE=\"...\" begin a technique: chapter, code, test, its lines in lists"
	@echo "make pdf     the same as one PDF: $(BUILD)/seeing-regularization.pdf (needs Chromium)"
	@echo "make links   look whether the links that leave the book still lead somewhere"
	@echo "make lint    the form of Python, notebooks and JavaScript: seconds"
	@echo "make test    what guards a change, on the stand-in: a quarter of an hour at most"
	@echo "make test-all  everything there is, on MNIST where it can be had: up to 40 minutes"
	@echo "make bench   time the loop beside its peers, what a step costs, here and in JavaScript;"
	@echo "             BOOK=paper|quick also times a cold make book, MACHINE=name names the record"
	@echo "make verify  hold a full build's results against the released ones, name what moved"
	@echo "             AGAINST=folder holds it against another build: the same to the byte?"
	@echo "make publish release the build's results instead: published/results.json"
	@echo "make release VERSION=1.0.0  after make book: note the version, pack the site, tag the commit"
	@echo "make lab     open the chapters in JupyterLab"
	@echo "make serve   serve the built site on http://localhost:$(PORT)"
	@echo "make lock    compile requirements.txt anew from pyproject.toml (needs uv)"
	@echo "make picture renew the README's picture from the last build"
	@echo "make strip   drop the outputs that JupyterLab saved in the chapters, before a commit"
	@echo "make repository carry the repository's address from _config.yml into the chapters"
	@echo "make clean   remove what was built (the environment stays: rm -r .venv)"
	@echo
	@echo "PRESET=paper|quick  DATA=auto|mnist|digits  BACKEND=tensorflow|jax"
	@echo "PROFILE=slurm runs the jobs of book and sweep on a cluster (profiles/README.md)"
	@echo "RUNS=folder, archive or address of runs that were trained elsewhere: a book in minutes"
	@echo "MNIST_DIR=folder with MNIST's four files  JOBS=chapters at a time"

book: .venv/.installed
	@python -m workflow.build.book --preset $(PRESET) --dataset $(DATA) $(if $(RUNS),--runs "$(RUNS)") $(WHERE)

quick:
	@$(MAKE) --no-print-directory book PRESET=quick

sweep: .venv/.installed
	$(if $(CONFIG),,$(error CONFIG is not set. Expected the file of a sweep. \
	  For example: make sweep CONFIG=sweeps/hundred_seeds.toml))
	@python -m workflow.build.sweep --config "$(CONFIG)" --dataset $(DATA) $(WHERE)

chapter: .venv/.installed
	@python -m workflow.tools.chapter --name="$$NAME" --title="$$TITLE"

pdf: .venv/.installed
	@python -m workflow.site.browser
	@$(MAKE) --no-print-directory book
	@python -m workflow.site.pages --build "$(BUILD)" --log "$(BUILD)/logs/pdf.log" --builder singlehtml
	@python -m workflow.site.pdf "$(BUILD)/singlehtml/index.html" "$(BUILD)/seeing-regularization.pdf"

links: book
	@python -m workflow.site.pages --build "$(BUILD)" --log "$(BUILD)/logs/links.log" --builder linkcheck

lint: .venv/.installed $(PACKAGES)
	@ruff check --quiet .
	@ruff format --check --quiet . || { ruff format --check . 2>&1 | grep '^Would'; \
	  echo "Expected the form that ruff format gives: run it."; exit 1; }
	@nbstripout --verify --keep-id $(wildcard book/*.ipynb book/*/*.ipynb workflow/tools/template/*.ipynb) || \
	  { echo "Expected chapters without outputs: run make strip."; exit 1; }
	@if [ -x $(BIOME) ]; then $(BIOME) ci --reporter=concise --error-on-warnings; else \
	  echo "The JavaScript was not looked at: that needs npm and its packages."; fi

# As many tests at a time as there are cores; those that share what is dear go to one of them.
TEST = python -m pytest --numprocesses=$(JOBS) --dist=loadgroup --no-loadscope-reorder

test: .venv/.installed $(PACKAGES)
	@$(TEST) -m "not thorough" --book=digits

test-all: .venv/.installed $(PACKAGES)
	@$(TEST) --book=auto

bench: .venv/.installed
	@python bench/run.py --dataset $(DATA) $(if $(BOOK),--book $(BOOK)) $(if $(MACHINE),--machine $(MACHINE))
	@if command -v node >/dev/null && [ -f "$(BUILD)/results/training_digits.bin" ]; then \
	  node bench/living.js "$(BUILD)/results"; else \
	  echo "The page's own training was not timed: that needs node, and a built book."; fi

verify: .venv/.installed
	@python -m workflow.release.verify --build "$(BUILD)" $(if $(AGAINST),--against "$(AGAINST)")

publish: .venv/.installed
	@python -m workflow.release.verify --build "$(BUILD)" --publish

release: .venv/.installed
	@python -m workflow.release.release --build "$(BUILD)" --version "$(VERSION)"

lab: .venv/.installed
	@jupyter lab --notebook-dir=book $(LAB_OPTIONS)

serve: .venv/.installed
	@test -f "$(BUILD)/html/index.html" || { echo "There is no site yet: run make book first." >&2; exit 1; }
	@python -m http.server --directory "$(BUILD)/html" $(PORT)

lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --upgrade \
	  --no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file requirements.txt

picture: .venv/.installed
	@python -m workflow.site.picture

strip: .venv/.installed
	@nbstripout --keep-id book/*.ipynb book/*/*.ipynb

repository: .venv/.installed
	@python -m workflow.tools.repository

clean:
	rm -rf "$(BUILD)" .snakemake

# Of npm: what lints the JavaScript, and what reads pages for who does not see them. Without them
# the rest goes on, and says so.
$(PACKAGES): package.json
	@npm install --no-package-lock --no-audit --no-fund --silent && touch $@ || \
	  echo "npm's packages could not be installed: see above."

.venv/.installed: requirements.txt pyproject.toml workflow/tools/environment.sh
	@sh workflow/tools/environment.sh
	@touch $@
