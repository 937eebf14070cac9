#!/usr/bin/env bash
# Builds the commit that is checked out twice, in two folders of different names, and compares every file.
# Takes two release builds of time. Exit code 1 where they differ.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
# Neither of the two may find the other's work, or somebody's settings.
unset CARGO_TARGET_DIR RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
for folder in one "another, with a longer name"; do
    mkdir -p "$work/$folder"
    git archive HEAD | tar -x -C "$work/$folder"
    echo "== $folder"
    "$work/$folder/deploy/release/build.sh" "$work/$folder/out"
    # The next needs the room.
    rm -rf "$work/$folder/target"
done
if diff -r "$work/one/out" "$work/another, with a longer name/out"; then
    echo "identical"
else
    echo "the two builds differ" >&2
    exit 1
fi
