#!/bin/sh
# Builds the portals (web/) into web/dist, which the server embeds: the packages when the lock file
# changed, the build when a source did. With --if-possible a machine without Node is no error: the
# server then says in the browser how to add them.
set -eu
cd "$(dirname "$0")/.."

if ! command -v node >/dev/null 2>&1; then
    why="Node is not installed"
elif ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
    why="Node $(node --version) is too old"
elif ! command -v npm >/dev/null 2>&1; then
    why="npm is not installed"
else
    why=""
fi
if [ -n "$why" ]; then
    echo "portals: $why; they need Node 20.19 or newer (Debian 12 has 18: see https://nodejs.org)" >&2
    [ "${1:-}" = "--if-possible" ] && exit 0
    exit 1
fi

# What the last build was made of. Times would not do: a checkout sets them as it likes.
sources() {
    {
        node --version
        find web locales docs/api/openapi.json \
            \( -name node_modules -o -path web/dist -o -path web/e2e -o -name '*.tsbuildinfo' \) -prune -o -type f -print0 |
            LC_ALL=C sort -z | xargs -0 cksum
    } | cksum
}

# One build at a time: `make run` and `make portals` may be started side by side.
mkdir -p target
exec 9>target/portals.lock
if command -v flock >/dev/null 2>&1; then flock 9; fi

stamp=web/dist/.sources
now=$(sources)
if [ -f "$stamp" ] && [ -f web/dist/auth/index.html ] && [ "$(cat "$stamp")" = "$now" ]; then
    exit 0
fi
# What npm says is of interest only when it fails.
quiet() {
    if ! "$@" >../target/portals.log 2>&1; then
        cat ../target/portals.log >&2
        exit 1
    fi
}
cd web
# npm's own note of what it installed is as old as the lock file it came from; `npm install` writes
# the lock file a moment later.
installed() {
    node -e 'const at = (f) => require("fs").statSync(f).mtimeMs; process.exit(at("package-lock.json") > at("node_modules/.package-lock.json") + 60_000 ? 1 : 0)' 2>/dev/null
}
if ! installed; then
    echo "portals: fetching packages" >&2
    quiet npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
fi
echo "portals: building" >&2
quiet npm run build --silent
cd ..
echo "$now" >"$stamp"
