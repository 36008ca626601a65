#!/bin/sh
# sh local/python.sh CAN VERSION...: prints the first Python on this machine that is of one of the
# versions, in their order, and can do what the line of Python CAN says; nothing if there is none.
# $PYTHON goes before all. pyenv's own `python3.12` starts only where 3.12 is selected, so what it
# has installed is looked at, too.
can=$1
shift

try() { # a Python, and the versions that it may have
    python=$1
    shift
    "$python" -c "import sys; $can; sys.exit('%d.%d' % sys.version_info[:2] not in '$*'.split())" \
        >/dev/null 2>&1 && printf '%s\n' "$python"
}

[ -n "${PYTHON:-}" ] && try "$PYTHON" "$@" && exit
for version; do
    for python in "python$version" \
        "${PYENV_ROOT:-${HOME:-}/.pyenv}/versions/$version".*/bin/python; do
        try "$python" "$version" && exit
    done
done
try python3 "$@" || exit 0
