# Two commands on a fresh machine with git, make and Python 3.11 or newer: `make demo` and `make test`.
# Everything they need goes into .venv, from pinned and hashed requirements; later runs need no network.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip --quiet --disable-pip-version-check install --no-deps --require-hashes --only-binary=:all:
COMPILE := CUSTOM_COMPILE_COMMAND='make requirements' $(BIN)/pip-compile --quiet --upgrade --generate-hashes --allow-unsafe \
	--strip-extras --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

.PHONY: demo test lint types bench requirements clean

demo: $(VENV)/.runtime ## a throw-away repository, secrets blocked, a clean commit passing
	@$(BIN)/sopsguard demo

test: lint types ## what CI runs; real programs are used where they are installed (tests/peers/install)
	@$(BIN)/pytest -n auto --dist worksteal

lint: $(VENV)/.dev
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "formatting: run $(BIN)/ruff format" >&2; exit 1; }

types: $(VENV)/.dev
	@$(BIN)/mypy --no-error-summary

bench: $(VENV)/.dev ## tables of recall, noise, time and memory, beside the installed peers
	@$(BIN)/python bench/cases.py; cases=$$?; $(BIN)/python bench/speed.py && exit $$cases

# On the oldest Python that we support: what is resolved there installs on the newer ones too.
requirements: $(VENV)/.dev ## resolve the newest versions and pin them
	$(COMPILE) -o requirements/runtime.txt pyproject.toml
	$(COMPILE) -o requirements/dev.txt requirements/dev.in
	$(COMPILE) -o requirements/peers.txt requirements/peers.in

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "sopsguard needs Python 3.11 or newer, this is %s: make PYTHON=python3.12 ..." % sys.version.split()[0])'
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "the venv module is missing; on Debian: apt install python3-venv" >&2; exit 1; }

# The project itself: a path line and a two-line script. An editable install would load a finder, and
# pathlib with it, at every start of the interpreter, which is a third of the time a hook may take.
$(VENV)/.runtime: requirements/runtime.txt Makefile | $(BIN)/python
	@echo "installing into $(VENV)"
	@$(INSTALL) -r requirements/runtime.txt
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' | { read -r site; echo '$(CURDIR)' > "$$site/sopsguard.pth"; }
	@printf '#!%s\nimport sys\nfrom sopsguard.cli import main\nsys.exit(main())\n' '$(CURDIR)/$(BIN)/python' > $(BIN)/sopsguard
	@chmod +x $(BIN)/sopsguard
	@$(BIN)/python -m compileall -q sopsguard
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.runtime
	@$(INSTALL) -r requirements/dev.txt
	@touch $@
