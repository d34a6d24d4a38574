#!/bin/sh
# run.sh PROFILE -- ARGUMENTS: builds the portals and the program, and starts it. A first build of the
# program takes minutes: the portals are then built beside it, and embedded by a second, short build.
set -eu
cd "$(dirname "$0")/.."
cargo=${CARGO:-cargo}
profile=$1
shift 2
case $profile in
    dev) folder=debug ;;
    *) folder=$profile ;;
esac
if [ -x "target/$folder/quarterdeck" ]; then
    scripts/portals.sh --if-possible
else
    scripts/portals.sh --if-possible &
    portals=$!
    # An interrupted build must not go on behind the prompt.
    trap 'kill $portals 2>/dev/null || true' INT TERM
    $cargo build --profile "$profile" --bin quarterdeck
    wait "$portals"
    trap - INT TERM
fi
exec $cargo run --profile "$profile" --bin quarterdeck -- "$@"
