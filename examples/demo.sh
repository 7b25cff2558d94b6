#!/bin/sh
# Plans and applies the example of a genomics portal against the built-in emulator, and shows that nothing
# is left to do. Works on a copy in a temporary folder. Needs `reconciler` on PATH.
set -eu

example=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)/genomics-portal
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cp "$example"/*.yaml "$folder"
cd "$folder"

run() {
    printf '\n$ reconciler %s\n' "$*"
    reconciler "$@"
}

run plan --emulator --emulator-db emulator.db
run apply --auto-approve --emulator --emulator-db emulator.db
run plan --detailed-exitcode --emulator --emulator-db emulator.db
run output --format env --emulator --emulator-db emulator.db
