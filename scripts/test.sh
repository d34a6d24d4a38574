#!/bin/sh
# Every test of the workspace. cargo-nextest runs them side by side and ends those that hang; a
# machine without it uses cargo's own runner. The API's tests run a second time on PostgreSQL.
set -eu
cd "$(dirname "$0")/.."
if cargo nextest --version >/dev/null 2>&1; then
    run="cargo nextest run"
else
    run="cargo test"
fi
failed=0
$run --workspace --no-fail-fast "$@" || failed=1
QD_TEST_ENGINE=postgres $run -p qd-api --no-fail-fast "$@" || failed=1
exit $failed
