#!/usr/bin/env bash
# Writes requirements.lock: exact versions with hashes for every Python from 3.11 on, each
# as new as pyproject.toml allows; and requirements-run.lock, the part of it that a
# daemon needs.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=.make/lock
[ -x "$tool/bin/uv" ] || {
    tools/venv.sh "$1" "$tool"
    "$tool/bin/python" -m pip install --quiet 'uv>=0.5,<1'
}
compile() { # the options and the file after -o
    "$tool/bin/uv" --quiet pip compile pyproject.toml --universal --python-version 3.11 \
        --generate-hashes --no-header --no-annotate "$@"
}
compile --group dev --upgrade -o requirements.lock
compile --constraint requirements.lock -o requirements-run.lock
