#!/usr/bin/env bash
# Builds a release into a folder: the program, a software bill of materials (CycloneDX) and SHA-256 checksums.
#
#   deploy/release/build.sh FOLDER
#
# The same commit and toolchain give the same bytes in any folder; reproducible.sh checks that.
# Needs the Rust toolchain, a C toolchain with cmake, and cargo-cyclonedx, which it installs if missing.
set -euo pipefail
if [ $# -ne 1 ]; then
    echo "usage: deploy/release/build.sh FOLDER" >&2
    exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
cd "$(dirname "$0")/../.."
source=$PWD
target_dir=${CARGO_TARGET_DIR:-$source/target}
cargo_home=${CARGO_HOME:-$HOME/.cargo}
host=$(rustc -vV | sed -n 's/^host: //p')
# A build from an archive has no git history, so it must set the time itself.
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}

# Keeps local paths out of the program. Later maps take precedence, so the more specific ones come last.
maps=("$cargo_home=/cargo" "$(rustc --print sysroot)=/rust" "$source=/kubeknock" "$target_dir=/target")
rust=(-C target-feature=+crt-static)
c=(-g0)
for map in "${maps[@]}"; do
    if [[ $map == *[[:space:]]* ]]; then
        echo "${map%=*}: CFLAGS are split at blanks; build in a folder without blanks in its path" >&2
        exit 1
    fi
    rust+=("--remap-path-prefix=$map")
    c+=("-ffile-prefix-map=$map")
done
export CARGO_ENCODED_RUSTFLAGS=$(IFS=$'\x1f'; printf '%s' "${rust[*]}")
export CFLAGS="${c[*]}" CXXFLAGS="${c[*]}" ASFLAGS="${c[*]}"
export CARGO_INCREMENTAL=0 LC_ALL=C TZ=UTC
umask 022

# With `--target`, the flags above apply to the program but not to build scripts.
cargo build --profile dist --locked --features rego --bin kubeknock --target "$host" --target-dir "$target_dir"
program=kubeknock-$host
install -m 755 "$target_dir/$host/dist/kubeknock" "$out/$program"

# The flags above are for the program alone: with a static C library, proc macros do not compile.
command -v cargo-cyclonedx >/dev/null ||
    env -u CARGO_ENCODED_RUSTFLAGS -u CFLAGS -u CXXFLAGS -u ASFLAGS \
        cargo install cargo-cyclonedx --version 0.5.7 --locked
cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --no-build-deps --target "$host"
# cargo-cyclonedx writes the time, the path and a random serial number, which differ between builds.
time=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
sed -e '/"serialNumber"/d' -e "s|\"timestamp\": \"[^\"]*\"|\"timestamp\": \"$time\"|" \
    -e "s|path+file://$source#||" kubeknock_bin.cdx.json >"$out/kubeknock.cdx.json"
rm kubeknock_bin.cdx.json

(cd "$out" && sha256sum "$program" kubeknock.cdx.json >SHA256SUMS && cat SHA256SUMS)
