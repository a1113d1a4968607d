#!/usr/bin/env bash
# Writes requirements.lock: exact versions with hashes for every Python from 3.11 on, each
# as new as pyproject.toml allows.
set -euo pipefail
cd "$(dirname "$0")/.."
tool=.make/lock
[ -x "$tool/bin/uv" ] || {
    tools/venv.sh "$1" "$tool"
    "$tool/bin/python" -m pip install --quiet 'uv>=0.5,<1'
}
"$tool/bin/uv" --quiet pip compile pyproject.toml --group dev --universal --python-version 3.11 \
    --upgrade --generate-hashes --no-header --no-annotate --output-file requirements.lock
