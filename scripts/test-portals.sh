#!/bin/sh
# The portals' own tests: types, lints and texts, unit tests, sizes, then in a real browser against
# the program that the Rust tests built. `test-portals.sh check` stops before the tests.
set -eu
cd "$(dirname "$0")/.."
scripts/portals.sh
cd web
failed=0
has() { node -e 'process.exit(require("./package.json").scripts[process.argv[1]] ? 0 : 1)' "$1"; }
step() {
    has "$1" || return 0
    echo "portals: $1" >&2
    npm run "$1" --silent || failed=1
}
step check
step lint
[ "${1:-}" = "check" ] && exit $failed
step test
step size
if [ ! -x ../target/debug/quarterdeck ]; then
    (cd .. && ${CARGO:-cargo} build --bin quarterdeck)
fi
step e2e
exit $failed
