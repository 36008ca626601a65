#!/bin/sh
# What `make test-others` does: `make differs` on each Python that this machine has, but for that of
# .venv, on which `make test` runs everything.
set -eu
cd "$(dirname "$0")/.."

for version in 3.11 3.12 3.13; do
    if .venv/bin/python -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')"; then
        continue
    elif [ -z "$(sh local/python.sh pass "$version")" ]; then
        echo "Python $version: not on this machine, so nothing ran on it"
    else
        make differs ON="$version"
    fi
done
