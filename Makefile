# Everything a person types. The first run of any target makes .venv (local/bootstrap.sh).
PY = .venv/bin/python
READY = .venv/.ready
COMPILE = $(PY) -m uv pip compile --quiet --system-certs --generate-hashes --no-header

.PHONY: start test check format bench lock clean
.DEFAULT_GOAL := start

start: $(READY) ## Azurite, PostgreSQL, the demo company and the app, until Ctrl-C
	@exec $(PY) -m local

test: $(READY) ## every test, on both cores; ARGS="-k name" for some
ifdef ARGS
	$(PY) -m pytest $(ARGS)
else
	$(PY) -m pytest -n 2 --ignore tests/soak
	$(PY) -m pytest tests/soak
endif

check: $(READY) ## format, lint, types, and which package may import which
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	.venv/bin/lint-imports

format: $(READY)
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: $(READY) ## every measurement; ARGS=--tiny only to see that each works
	$(PY) -m bench $(ARGS)

lock: $(READY) ## newest versions that fit the .in files
	$(COMPILE) --upgrade --universal --python-version 3.11 requirements.in -o requirements.txt
	$(COMPILE) --upgrade --universal --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	$(COMPILE) --upgrade --no-deps --python-version 3.13 requirements-host.in -o requirements-host.txt

clean: ## the environment, not the state: .local stays
	rm -rf .venv

$(READY): requirements-dev.txt requirements-host.txt local/azurite/package-lock.json local/bootstrap.sh
	@sh local/bootstrap.sh
