# A static binary in an empty image, run as nobody.
#
#   docker build -t kubeknock .
#   docker run --rm -v "$PWD:/work" -w /work kubeknock scan -f targets.txt
#
# For CI systems that start a shell in a job's image, as GitLab does:
#
#   docker build --target ci -t kubeknock:ci .
FROM rust:1.95 AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ENV RUSTFLAGS="-C target-feature=+crt-static"
# With a target named, the flags above reach the program and not the build scripts.
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && cargo build --release --locked --bin kubeknock --target "$target" \
    && cp "target/$target/release/kubeknock" /kubeknock

FROM debian:stable-slim AS ci
COPY --from=build /kubeknock /usr/local/bin/kubeknock

FROM scratch
COPY --from=build /kubeknock /kubeknock
USER 65532:65532
ENTRYPOINT ["/kubeknock"]
