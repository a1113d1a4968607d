#!/usr/bin/env bash
# Creates the virtual environment $2 with the Python $1; Debian and Ubuntu ship Python
# without the module that does it.
set -euo pipefail
python=$1
folder=$2

stop() {
    printf 'setup: %s\n' "$@" >&2
    exit 1
}

command -v "$python" >/dev/null ||
    stop "$python is not installed; run:  sudo apt-get install python3 python3-venv"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    stop "greendc needs Python 3.11 or later; name one:  make PYTHON=python3.12"
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    install="apt-get install --yes --no-install-recommends python$version-venv"
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null ||
        stop "the venv module is missing; run this and then make again:" "    sudo $install"
    apt-get --quiet=2 update
    DEBIAN_FRONTEND=noninteractive $install --quiet=2 >/dev/null
fi
# --upgrade-deps would fetch an unlocked pip; the bundled one is new enough.
[ -x "$folder/bin/python" ] && "$folder/bin/python" -c 'import pip' 2>/dev/null ||
    "$python" -m venv --clear "$folder"
