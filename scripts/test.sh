#!/bin/sh
# Every test of the workspace. cargo-nextest runs them side by side and ends those that hang; a
# machine without it uses cargo's own runner.
set -eu
cd "$(dirname "$0")/.."
if cargo nextest --version >/dev/null 2>&1; then
    exec cargo nextest run --workspace --no-fail-fast "$@"
fi
exec cargo test --workspace --no-fail-fast "$@"
