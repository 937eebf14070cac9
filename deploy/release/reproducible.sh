#!/usr/bin/env bash
# Builds the checked-out commit twice, in two folders with different names, and compares every file.
# Takes as long as two release builds. Exits with 1 if the builds differ.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
# The builds must share neither their output nor settings of the environment.
unset CARGO_TARGET_DIR RUSTFLAGS CARGO_ENCODED_RUSTFLAGS
for folder in one another-with-a-longer-name; do
    mkdir -p "$work/$folder"
    git archive HEAD | tar -x -C "$work/$folder"
    echo "== $folder"
    "$work/$folder/deploy/release/build.sh" "$work/$folder/out"
    # Frees the disk space for the second build.
    rm -rf "$work/$folder/target"
done
if diff -r "$work/one/out" "$work/another-with-a-longer-name/out"; then
    echo "identical"
else
    echo "the two builds differ" >&2
    exit 1
fi
