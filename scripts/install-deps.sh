#!/bin/sh
# Installs the Debian packages that tests and benchmarks need and that are missing; says nothing
# and does nothing when all are there. Run by `make test` and `make bench`; needs root or sudo
# only when something is missing.
set -eu

missing=""
want() { missing="$missing $1"; }

has() {
    command -v "$1" >/dev/null 2>&1 && return 0
    for dir in /usr/lib/postgresql/*/bin /usr/sbin /usr/local/bin; do
        [ -x "$dir/$1" ] && return 0
    done
    return 1
}

has cc || want build-essential
has initdb || want postgresql
has nats-server || want nats-server
# The module, not only the program: Debian ships them apart.
python3 -c 'import ensurepip, venv' >/dev/null 2>&1 || want python3-venv

# The browser of the portals' tests; fonts for their screenshots, or Arabic is boxes.
has chromium || want chromium
[ -d /usr/share/fonts/truetype/noto ] && ls /usr/share/fonts/truetype/noto/NotoSansArabic* >/dev/null 2>&1 || want fonts-noto-core

# Debian 12 has Node 18, so this one cannot be installed from here.
if ! command -v node >/dev/null 2>&1 || ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
    echo "the portals need Node 20.19 or newer, and this machine has $(node --version 2>/dev/null || echo none); see https://nodejs.org" >&2
    exit 1
fi

[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "install these by your system's means (Debian's names):$missing" >&2
    exit 1
fi
sudo=""
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "missing packages:$missing; run as root: apt-get install$missing" >&2
        exit 1
    fi
    sudo="sudo"
fi

echo "installing:$missing" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # a list of names
if ! { $sudo apt-get update -qq && $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
