# Everything a person types. The first run of any target makes .venv (local/bootstrap.sh);
# with ON=3.11 (or 3.12, 3.13) it makes and uses .venv-3.11, of that Python.
ON =
VENV = .venv$(ON:%=-%)
PY = $(VENV)/bin/python
READY = $(VENV)/.ready
# Where an image sets it, each of the hundreds of processes that tests start would compile the whole app.
export PYTHONDONTWRITEBYTECODE =
COMPILE = $(PY) -m uv pip compile --quiet --system-certs --generate-hashes --no-header

# What may differ from one Python to the next: threads, storage, the host, how a process ends.
DIFFERS = \
    tests/unit/storage tests/unit/test_following.py tests/unit/test_threads.py \
    tests/integration/clocks/test_logged.py tests/integration/storage \
    tests/integration/engine/test_exit.py tests/integration/engine/test_no_thread.py \
    tests/integration/test_apart.py tests/integration/test_host.py \
    tests/integration/test_queues.py tests/integration/test_runtime.py \
    tests/integration/test_timers.py tests/integration/tracing/test_azure.py \
    tests/e2e/test_start.py::test_ctrl_c_leaves_nothing_behind \
    tests/e2e/test_backup.py::test_ctrl_c_in_mid_backup_gives_the_job_back_and_the_next_start_runs_it

.PHONY: start test test-others differs check safety sign-off assets format bench package lock clean
.DEFAULT_GOAL := start

start: $(READY) ## Azurite, PostgreSQL, the demo company and the app, until Ctrl-C
	@exec $(PY) -m local

test: $(READY) ## every test, on both cores; ARGS="-k name" for some
ifdef ARGS
	$(PY) -m pytest $(ARGS)
else
	$(PY) -m pytest -n 2 --dist worksteal --ignore tests/soak
	$(PY) -m pytest tests/soak
endif

differs: $(READY) ## what may differ from one Python to the next: make differs ON=3.11
	$(PY) -m pytest -n 2 --dist worksteal $(DIFFERS)

test-others: $(READY) ## the same, on each other Python that this machine has
	@sh local/others.sh

check: $(READY) ## format, lint, types, which package may import which, and Bicep
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(VENV)/bin/lint-imports
	$(PY) -m checks

safety: $(READY) ## what must pass before a deployment; ARGS=--online: also what needs the internet
	$(PY) -m checks.safety $(ARGS)

sign-off: $(READY) ## the critical files as they are now are meant so (docs/safety.md)
	$(PY) -m checks.safety.sign_off

assets: $(READY) ## build what pages load, from web/
	$(PY) -m checks.safety.build

format: $(READY)
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: $(READY) ## every measurement; ARGS=--tiny only to see that each works
	$(PY) -m bench $(ARGS)

package: $(READY) ## the zip that is deployed, in .local/belfry.zip (docs/package.md)
	$(PY) -m local.package

lock: $(READY) ## newest versions that fit the .in files
	$(COMPILE) --upgrade --universal --python-version 3.11 requirements.in -o requirements.txt
	$(COMPILE) --upgrade --universal --python-version 3.11 requirements-dev.in -o requirements-dev.txt
	$(COMPILE) --upgrade --no-deps --python-version 3.13 requirements-host.in -o requirements-host.txt

clean: ## the environments, not the state: .local stays
	rm -rf .venv .venv-3.* checks/safety/frontend/node_modules

$(READY): requirements-dev.txt requirements-host.txt local/azurite/package-lock.json local/bootstrap.sh
	@sh local/bootstrap.sh $(ON)
