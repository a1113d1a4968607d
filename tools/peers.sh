#!/usr/bin/env bash
# Makes the programs that `make bench` compares greendc with available under .servers, beside the
# broker that all of them listen to. One that cannot be had is left out of the comparison.
set -euo pipefail
cd "$(dirname "$0")/.."
exporter=mqtt-exporter
wanted=1.12.1

tools/servers.sh mosquitto
tools/servers.sh prometheus-mqtt-exporter ||
    echo "peers: prometheus-mqtt-exporter will not be compared" >&2

venv=.servers/$exporter
if [ ! -x "$venv/bin/$exporter" ]; then
    tools/venv.sh "$1" "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$exporter==$wanted" ||
        echo "peers: $exporter will not be compared" >&2
fi
