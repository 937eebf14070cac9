# A static binary in an empty image, run as an unprivileged user.
#
#   docker build -t kubeknock .
#   docker run --rm -v "$PWD:/work" -w /work kubeknock scan -f targets.txt
#
# For CI systems that start a shell in the job's image, such as GitLab:
#
#   docker build --target ci -t kubeknock:ci .
FROM rust:1.95 AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
ENV RUSTFLAGS="-C target-feature=+crt-static"
# With `--target`, RUSTFLAGS apply to the program but not to build scripts.
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
    && cargo build --profile dist --locked --bin kubeknock --target "$target" \
    && cp "target/$target/dist/kubeknock" /kubeknock

FROM debian:stable-slim AS ci
COPY --from=build /kubeknock /usr/local/bin/kubeknock

FROM scratch
COPY --from=build /kubeknock /kubeknock
USER 65532:65532
ENTRYPOINT ["/kubeknock"]
