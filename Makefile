# The front door. `make help` lists what it opens.
# GNU make 3.81, which macOS has, reads it too.

# Of these the environment may hold a value; others are those that make is told alone, for other
# tools have variables of such names: make book BUILD=folder.
PRESET  ?= paper
DATA    ?= auto
BACKEND ?= tensorflow
JOBS    ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
PORT    ?= 8000
$(if $(filter environment,$(origin BUILD)),$(info \
  BUILD=$(BUILD) in the environment is not read. To build there: make book BUILD=folder))
BUILD   = _build
PROFILE =
GPU     = 0
CONFIG  =
VERSION =
AGAINST =
RUNS    =
NAME    =
TITLE   =
BOOK    =
MACHINE =

# What is not known is refused, or passed over where it is the environment's.
refused = $(if $(filter environment,$(origin $(1))),$(info \
  $(1)=$($(1)) in the environment is not read. Expected $(2))$(eval $(1) := $(3)),$(error \
  $(1)='$($(1))' is unknown. Expected $(2). For example: make book $(1)=$(3)))
one_of = $(if $(filter-out 1,$(words $($(1))))$(filter-out $(2),$($(1))),$(call \
  refused,$(1),one of: $(2),$(firstword $(2))))
number = $(if $(filter 0,$(shell expr x$(call quoted,$($(1))) : 'x[$(2)-9][0-9]*$$')),$(call \
  refused,$(1),a number from $(2) on,$(3)))
quoted = '$(subst ','\'',$(1))'
home = $(patsubst ~/%,$(HOME)/%,$(1))
$(call one_of,PRESET,paper quick)
SETS = auto $(shell sed -n 's/^    "\(.*\)": Source.*/\1/p' src/regularization/core/data.py)
$(if $(filter folder:% %.npz,$(DATA)),,$(call one_of,DATA,$(SETS)))
$(call one_of,BACKEND,tensorflow jax)
$(call number,JOBS,1,2)
$(call number,PORT,1,8000)
$(call number,GPU,0,1)
PROFILES = $(patsubst profiles/%/config.yaml,%,$(wildcard profiles/*/config.yaml))
$(if $(PROFILE),$(call one_of,PROFILE,$(PROFILES)))
# Not every shell writes a home for ~ after a =.
override BUILD := $(call home,$(BUILD))
override RUNS := $(call home,$(RUNS))
override AGAINST := $(call home,$(AGAINST))
override CONFIG := $(call home,$(CONFIG))
IN = --build=$(call quoted,$(BUILD))
WHERE = $(IN) --jobs $(JOBS) --gpus $(GPU) $(if $(PROFILE),--profile $(PROFILE))

export KERAS_BACKEND := $(BACKEND)
# Chapters run in their own folders, so a relative folder is made absolute here, where it was given.
absolute = $(shell CDPATH= cd -- $(call quoted,$(call home,$(1))) 2>/dev/null && pwd || \
  printf %s $(call quoted,$(call home,$(1))))
ifneq ($(MNIST_DIR),)
override MNIST_DIR := $(call absolute,$(MNIST_DIR))
export MNIST_DIR
endif
ifneq ($(DATA_DIR),)
override DATA_DIR := $(call absolute,$(DATA_DIR))
export DATA_DIR
endif
# Text is UTF-8, also where a locale says otherwise; and how somebody has set up Keras for work of
# his own (floatx, say) is not for the book.
export PYTHONUTF8 := 1
unexport PYTHONWARNINGS
export KERAS_HOME := $(CURDIR)/.venv/keras
# A checkout runs its own sources, whatever environment it was lent. (Recipes name what they run by
# BIN: what stands in a line alone, make of macOS looks for where PATH was before.)
export PYTHONPATH := $(CURDIR)/src
ifeq ($(OS),Windows_NT)
BIN = .venv/Scripts/
export PATH := $(CURDIR)/.venv/Scripts;$(PATH)
else
BIN = .venv/bin/
export PATH := $(CURDIR)/.venv/bin:$(PATH)
endif

BIOME = node_modules/.bin/biome
PACKAGES = $(if $(shell command -v npm 2>/dev/null),node_modules/.installed)

.PHONY: help book quick sweep chapter pdf epub links lint test test-all bench verify publish release lab \
  serve lock picture strip repository clean anew

help:  ## this list
	@echo "make book    execute every chapter and build the site ($(BUILD)/html/index.html)"
	@echo "make quick   the same in three to seven minutes: few steps, two seeds"
	@echo "make sweep CONFIG=sweeps/hundred_seeds.toml"
	@echo "             train a grid of models in jobs of their own; go on where it stopped"
	@echo "make chapter NAME=slug TITLE=\"...\" begin a technique: chapter, code, test, its lines in lists"
	@echo "make pdf     the same as one PDF: $(BUILD)/seeing-regularization.pdf (needs Chromium)"
	@echo "make epub    the same as one ePub: $(BUILD)/seeing-regularization.epub"
	@echo "make links   look whether the links that leave the book still lead somewhere"
	@echo "make lint    the form of Python, notebooks and JavaScript: seconds"
	@echo "make test    what guards a change, on the stand-in: a quarter of an hour at most"
	@echo "make test-all  everything there is, on MNIST where it can be had: up to 45 minutes"
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
	@echo "PRESET=paper|quick  BACKEND=tensorflow|jax"
	@echo "DATA=$(SETS), folder:path or an .npz: on which data"
	@echo "PROFILE=slurm runs the jobs of book and sweep on a cluster (profiles/README.md)"
	@echo "RUNS=folder, archive or address of runs that were trained elsewhere: a book in minutes"
	@echo "DATA_DIR=folder with a folder for each data set, MNIST_DIR=with MNIST's four files"
	@echo "JOBS=chapters at a time  LAB_OPTIONS=for make lab"

book: .venv/.installed
	@$(BIN)python -m workflow.build.book --preset $(PRESET) --dataset $(call quoted,$(DATA)) $(if $(RUNS),--runs $(call quoted,$(RUNS))) $(WHERE)

quick:
	@$(MAKE) --no-print-directory book PRESET=quick

sweep: .venv/.installed
	$(if $(CONFIG),,$(error CONFIG is not set. Expected the file of a sweep. \
	  For example: make sweep CONFIG=sweeps/hundred_seeds.toml))
	@$(BIN)python -m workflow.build.sweep --config $(call quoted,$(CONFIG)) --dataset $(call quoted,$(DATA)) $(WHERE)

chapter: .venv/.installed
	@$(BIN)python -m workflow.tools.chapter --name=$(call quoted,$(NAME)) --title=$(call quoted,$(TITLE))

pdf: .venv/.installed
	@$(BIN)python -m workflow.site.browser
	@$(MAKE) --no-print-directory book
	@$(BIN)python -m workflow.site.pages $(IN) --log $(call quoted,$(BUILD)/logs/pdf.log) --builder singlehtml
	@$(BIN)python -m workflow.site.pdf $(call quoted,$(BUILD)/singlehtml/index.html) \
	  $(call quoted,$(BUILD)/seeing-regularization.pdf)

epub: book
	@$(BIN)python -m workflow.site.pages $(IN) --log $(call quoted,$(BUILD)/logs/epub.log) --builder epub
	@$(BIN)python -m workflow.site.epub $(call quoted,$(BUILD)/epub) \
	  $(call quoted,$(BUILD)/seeing-regularization.epub)

links: book
	@$(BIN)python -m workflow.site.pages $(IN) --log $(call quoted,$(BUILD)/logs/links.log) --builder linkcheck

lint: .venv/.installed $(PACKAGES)
	@$(BIN)ruff check --quiet .
	@$(BIN)ruff format --check --quiet . || { $(BIN)ruff format --check . 2>&1 | grep '^Would'; \
	  echo "Expected the form that ruff format gives: run it."; exit 1; }
	@$(BIN)nbstripout --verify --keep-id $(wildcard book/*.ipynb book/*/*.ipynb workflow/tools/template/*.ipynb) || \
	  { echo "Expected chapters without outputs: run make strip."; exit 1; }
	@if [ -x $(BIOME) ]; then $(BIOME) ci --reporter=concise --error-on-warnings; else \
	  echo "The JavaScript was not looked at: that needs npm and its packages."; fi

# As many tests at a time as there are cores; those that share what is dear go to one of them.
TEST = $(BIN)python -m pytest --numprocesses=$(JOBS) --dist=loadgroup --no-loadscope-reorder

test: .venv/.installed $(PACKAGES)
	@$(TEST) -m "not thorough" --book=digits

test-all: .venv/.installed $(PACKAGES)
	@$(TEST) --book=auto

bench: .venv/.installed
	@$(BIN)python bench/run.py --dataset $(call quoted,$(DATA)) $(if $(BOOK),--book $(BOOK)) $(if $(MACHINE),--machine $(MACHINE))
	@if command -v node >/dev/null && [ -f $(call quoted,$(BUILD)/results/training_digits.bin) ]; then \
	  mkdir -p bench/results/page && node bench/living.js $(call quoted,$(BUILD)/results) \
	    bench/results/page/$(or $(MACHINE),$(shell uname -m)).json; else \
	  echo "The page's own training was not timed: that needs node, and a built book."; fi

verify: .venv/.installed
	@$(BIN)python -m workflow.release.verify $(IN) $(if $(AGAINST),--against $(call quoted,$(AGAINST)))

publish: .venv/.installed
	@$(BIN)python -m workflow.release.verify $(IN) --publish

release: .venv/.installed
	@$(BIN)python -m workflow.release.release $(IN) --version $(call quoted,$(VERSION))

lab: .venv/.installed
	@$(BIN)jupyter lab --notebook-dir=book $(if $(filter 0,$(shell id -u)),--allow-root) $(LAB_OPTIONS)

serve: .venv/.installed
	@$(BIN)python -m workflow.site.serve $(IN) --port $(PORT)

lock:
	uv pip compile pyproject.toml --universal --python-version 3.11 --all-extras --upgrade \
	  --no-annotate --no-emit-index-url --no-emit-find-links --quiet --output-file requirements.txt

picture: .venv/.installed
	@$(BIN)python -m workflow.site.picture $(IN)

strip: .venv/.installed
	@$(BIN)nbstripout --keep-id book/*.ipynb book/*/*.ipynb

repository: .venv/.installed
	@$(BIN)python -m workflow.tools.repository

clean:
	@$(firstword $(wildcard .venv/bin/python .venv/Scripts/python.exe) python3) -m workflow.tools.clean $(IN)

# Of npm: what lints the JavaScript, and what reads pages for who does not see them. Without them
# the rest goes on, and says so.
$(PACKAGES): package.json
	@npm install --no-package-lock --no-audit --no-fund --silent && touch $@ || \
	  echo "npm's packages could not be installed: see above."

# An environment belongs to its folder, which is in its commands; in a folder that was moved or
# copied, or where its Python has gone, it is made anew.
FITS = $(shell CDPATH= cd .venv 2>/dev/null && pwd -P | cmp -s - .installed && { bin/python -c '' || \
  Scripts/python -c ''; } 2>/dev/null && echo yes)
.venv/.installed: requirements.txt pyproject.toml workflow/tools/environment.sh $(if $(FITS),,anew)
	@sh workflow/tools/environment.sh
anew:
