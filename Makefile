# Every verb works on a fresh clone. Needed: make, Python 3.11 or later, and a package index as pip is set up here.
BIN := .venv/bin
READY := .venv/.ready

# What was compiled once, the assertions of tests among it, need not be compiled by each of many processes.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo bench test test-wordpress test-browser test-readers test-networks test-image check fix lock clean

help:
	@echo 'make demo            feedpub with a sample site on http://127.0.0.1:8080'
	@echo 'make test            linters, types, import contracts and all tests'
	@echo 'make bench           how long a feed takes, beside five other ways; sites with 1,000 to 1,000,000 articles; one'
	@echo '                     article to 1,000 webhooks: 20 minutes, 10 GB of disk (BENCH=--quick: 5 minutes, 1 GB;'
	@echo '                     BENCH="--folder DIR": on the disk of DIR)'
	@echo 'make check           linters, types and import contracts alone'
	@echo 'make fix             mend what the linter and the formatter can mend'
	@echo 'make test-wordpress  the tests against a real WordPress on loopback'
	@echo 'make test-browser    the tests of pages and feeds in a real browser'
	@echo 'make test-readers    the feeds read by feed readers that people use (newsboat, rss2email and others)'
	@echo 'make test-networks   the networks against servers that others wrote: a Matrix homeserver, a Bot API of Telegram'
	@echo 'make test-image      the image: its size, what it is made of, a first start, the mistakes of newcomers'
	@echo 'make lock            resolve the dependencies again (UPGRADE=--upgrade for the newest)'
	@echo 'make clean           remove all that make has made; data/ stays'

demo: $(READY)
	@$(BIN)/feedpub demo

test: check
	$(BIN)/pytest -n 4 --dist worksteal -m 'not wordpress and not browser and not readers and not networks and not image'

bench: $(READY)
	@$(BIN)/python -m tests.bench.feeds $(BENCH)
	@$(BIN)/python -m tests.bench.archive $(BENCH)
	@$(BIN)/python -m tests.bench.stores $(BENCH)
	@$(BIN)/python -m tests.bench.fanout $(BENCH)

check: $(READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

fix: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

test-wordpress: $(READY)
	@bash .ci/wordpress.sh

test-browser: $(READY)
	@bash .ci/browser.sh

test-readers: $(READY)
	@bash .ci/readers.sh

test-networks: $(READY)
	@bash .ci/networks.sh

test-image: $(READY)
	@bash .ci/image.sh

# Hashes for every platform, and no address of an index: whoever installs uses the index of their own pip.
COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header $(UPGRADE)
lock: $(READY)
	$(COMPILE) --group pyproject.toml:build -o requirements-build.lock
	$(COMPILE) --group pyproject.toml:sbom -o requirements-sbom.lock
	$(COMPILE) pyproject.toml --extra mysql --extra postgres --group dev -o requirements-dev.lock
	$(COMPILE) pyproject.toml --extra mysql --extra postgres -c requirements-dev.lock -o requirements.lock

clean:
	rm -rf .venv build dist src/feedpub.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests -name __pycache__ -prune -exec rm -rf {} +

$(READY): pyproject.toml requirements-build.lock requirements-dev.lock .ci/venv.sh
	@PYTHON='$(PYTHON)' sh .ci/venv.sh
	@touch $@
