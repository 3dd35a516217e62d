PYTHON ?= python

.PHONY: check fix test desk
check:
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy
fix:
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .
test:
	$(PYTHON) -m pytest
desk:
	$(PYTHON) app.py
