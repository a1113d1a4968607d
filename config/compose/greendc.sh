#!/bin/sh
exec /opt/greendc/bin/python -m greendc.cli "$@"
