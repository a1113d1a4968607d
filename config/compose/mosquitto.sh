#!/bin/sh
# Runs the broker with the shipped configuration $1, its listener being that of $2 and its data
# folder $3; $4 takes the result.
set -eu
{
    sed -e '/^listener /d' -e '/^allow_anonymous /d' \
        -e "s#^persistence_location .*#persistence_location $3/#" "$1"
    cat "$2"
} >"$4"
exec mosquitto -c "$4"
