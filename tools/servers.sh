#!/usr/bin/env bash
# Makes the servers that the tests run against, or those named, available as .servers/bin/NAME,
# without installing anything: a package's own service would start on install and take the port.
set -euo pipefail
cd "$(dirname "$0")/.."

# NAME, or NAME=PACKAGE where the package is called otherwise
servers=(mosquitto prometheus promtool=prometheus prometheus-alertmanager amtool=prometheus-alertmanager
    victoria-metrics influxd=influxdb systemd-analyze=systemd chromium)
[ $# = 0 ] || servers=("$@")

root=.servers/root
bin=.servers/bin

stop() {
    printf 'servers: %s\n' "$@" >&2
    exit 1
}

libraries() { # every folder of the unpacked packages that holds a shared library
    find "$root" -name '*.so*' -printf '%h\n' 2>/dev/null | sort -u | sed "s|^|$PWD/|" | paste -sd:
}

missing_libraries() { # of the program $1; a static program has none
    LD_LIBRARY_PATH="$(libraries)" ldd "$1" 2>/dev/null | awk '/not found/ {print $1}' || true
}

installed() { # the system's own program $1, /usr/sbin being outside many users' PATH
    PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" command -v "$1" || true
}

refresh_lists() { # of apt, needed where the package $1 has no candidate
    [ -z "$(apt-cache --quiet=2 show "$1" 2>/dev/null)" ] || return 0
    [ "$(id -u)" = 0 ] || stop "apt does not know the package $1; run:  sudo apt-get update"
    apt-get --quiet=2 update || stop "apt-get update failed (output above)"
}

to_unpack() { # what apt would install for the package $1 on this machine
    apt-get install --simulate --no-install-recommends "$1" | awk '/^Inst/ {print $2}'
}

relocate() { # Alertmanager, which looks for its templates in a folder that is not there
    local program="$root/usr/bin/prometheus-alertmanager"
    # as long as it was, so that nothing else moves; from the unpacked usr on it is ./share/…
    [ ! -e "$program" ] || LC_ALL=C sed -i \
        's#/usr/share/prometheus/alertmanager#././/share/prometheus/alertmanager#g' "$program"
}

unpack() { # the package $1 and what it needs, once
    local packages
    [ ! -e ".servers/$1.unpacked" ] || return 0
    packages=$(to_unpack "$1") || stop "apt finds no way to the package $1 (output above)"
    mkdir -p .servers/archives "$root"
    # shellcheck disable=SC2086 # one word per package
    (cd .servers/archives && apt-get --quiet=2 -o APT::Sandbox::User="$(id -un)" \
        download $packages) || stop "could not download: $packages"
    for archive in .servers/archives/*.deb; do
        dpkg-deb --extract "$archive" "$root"
    done
    for archive in .servers/archives/*.deb; do
        dpkg-deb --show --showformat='${Package} ${Version}\n' "$archive"
    done >.servers/unpacked.new
    rm -r .servers/archives
    relocate
    mv .servers/unpacked.new ".servers/$1.unpacked"
}

fonts() { # configuration for programs with windows on a machine that has no fonts of its own
    echo '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">'
    echo '<fontconfig><dir prefix="relative">usr/share/fonts</dir>'
    echo '<cachedir prefix="xdg">fontconfig</cachedir></fontconfig>'
}

wrap() { # $1 = program inside the project; found from the wrapper, so the folder can move
    local path=${1#.servers/}
    {
        echo '#!/bin/sh'
        echo 'here=$(cd "$(dirname "$0")/.." && pwd)'
        printf 'LD_LIBRARY_PATH="%s"\n' "$(libraries | sed "s|$PWD/.servers|\$here|g")"
        echo 'export LD_LIBRARY_PATH'
        [ "$2" != prometheus-alertmanager ] || echo 'cd "$here/root/usr"'
        if [ ! -e /etc/fonts/fonts.conf ] && [ -d "$root/usr/share/fonts" ]; then
            fonts >"$root/fonts.conf"
            echo 'export FONTCONFIG_FILE="$here/root/fonts.conf"'
        fi
        printf 'exec "$here/%s" "$@"\n' "$path"
    } >"$bin/$2"
    chmod +x "$bin/$2"
}

provide() { # $1 = program, $2 = package
    local program missing
    [ ! -x "$bin/$1" ] || return 0
    mkdir -p "$bin"
    program=$(installed "$1")
    if [ -n "$program" ]; then
        ln -sf "$program" "$bin/$1"
    else
        [ -n "$(installed apt-get)" ] && [ -n "$(installed dpkg-deb)" ] ||
            stop "$1 is not installed and this system has no apt-get; install $1 and run make again"
        refresh_lists "$2"
        unpack "$2"
        # a program beside its own files is the real one; under bin stands a script that looks for
        # them where the package would have been installed
        program=$(find "$root" -path "*/lib/$1/$1" -type f | head -n 1)
        [ -n "$program" ] || program=$(find "$root" -path "*bin/$1" -type f | head -n 1)
        [ -n "$program" ] || stop "the package $2 holds no program $1"
        missing=$(missing_libraries "$program")
        [ -z "$missing" ] || stop "$1 lacks these libraries: $missing"
        wrap "$program" "$1"
    fi
    echo "servers: $1 is ready ($bin/$1 -> $program)"
}

for server in "${servers[@]}"; do
    provide "${server%%=*}" "${server#*=}"
done
