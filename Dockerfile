# A static binary in an empty image, run as an unprivileged user.
#
#   docker build -t kubeknock .
#   docker run --rm -v "$PWD:/work" -w /work kubeknock scan -f targets.txt
#
# For CI systems that start a shell in the job's image, such as GitLab:
#
#   docker build --target ci -t kubeknock:ci .
#
# Base images are pinned by the digest of all their architectures. To renew one:
# `docker buildx imagetools inspect rust:1.95-trixie`.
FROM rust:1.95-trixie@sha256:f49565f188ee00bc2a18dd418183f2c5f23ef7d6e691890517ed341a598f67c3 AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ENV RUSTFLAGS="-C target-feature=+crt-static"
# With `--target`, RUSTFLAGS apply to the program but not to build scripts.
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && cargo build --profile dist --locked --features rego --bin kubeknock --target "$target" \
    && cp "target/$target/dist/kubeknock" /kubeknock

FROM debian:trixie-slim@sha256:a29215f6a35e51e22adffa17f89e9d2ef06214e64a2bad10d765c46aea49f11f AS ci
COPY --from=build /kubeknock /usr/local/bin/kubeknock
USER 65532:65532

FROM scratch
COPY --from=build /kubeknock /kubeknock
USER 65532:65532
ENTRYPOINT ["/kubeknock"]
