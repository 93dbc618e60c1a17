# SPDX-License-Identifier: AGPL-3.0-or-later
# Two commands: `make run` and `make test`. The rest is for those who work on Not Alone.

PORT ?= 8000
DATA ?= data
PYTHON := .venv/bin/python

.PHONY: run test lint format bench pictures locks

run: ## set up what is needed, load the demo call, serve it on http://127.0.0.1:$(PORT)
	@tools/setup run
	@NOTALONE_PORT=$(PORT) NOTALONE_DATA="$(DATA)" .venv/bin/notalone demo

test: lint ## everything: format, lint, types, contracts, Python, browser, journeys
	@cd browser && PATH="$(CURDIR)/.venv/bin:$$PATH" npm run --silent check
	@cd browser && PATH="$(CURDIR)/.venv/bin:$$PATH" npm run --silent test
	@$(PYTHON) -m coverage run -m pytest tests/protocol
	@$(PYTHON) -m coverage report
	@$(PYTHON) -m pytest --ignore=tests/protocol

lint:
	@tools/setup test
	@.venv/bin/ruff format --check --quiet .
	@.venv/bin/ruff check --quiet .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache
	@$(PYTHON) tools/caps.py

format:
	@.venv/bin/ruff format .
	@.venv/bin/ruff check --fix .

bench: ## the figures, side by side in one run
	@tools/setup test
	@$(PYTHON) -m bench

pictures: ## every page as a picture, into DATA/pictures, and the one in the README
	@tools/setup test
	@$(PYTHON) -m tools.pictures "$(DATA)/pictures"

locks: ## choose the newest versions of every dependency again
	@tools/lock
