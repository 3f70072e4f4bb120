# A static binary on nothing: no shell, no package manager, no root.
#
# The builder has to have Rust, a C compiler and a CA bundle. Where it cannot be pulled, name a mirror:
#   buildah build --build-arg RUST_IMAGE=mirror.example.com/rust:1.95.0-slim-bookworm --timestamp 0 .
ARG RUST_IMAGE=rust:1.95.0-slim-bookworm
# hadolint ignore=DL3006
FROM ${RUST_IMAGE} AS build
# Puts the list of crates into the binary, where scanners of images read it.
RUN cargo install --locked cargo-auditable --version 0.7.7
WORKDIR /src
COPY . .
# A binary for the target of the host by name: the flag is then for it alone, not for build scripts and macros. On musl it is the
# default, on glibc it links glibc statically. The path of the sources stays out of the binary.
ENV RUSTFLAGS="-C target-feature=+crt-static --remap-path-prefix=/src=. --remap-path-prefix=/usr/local/cargo=cargo"
RUN target="$(rustc --print host-tuple)" \
    && cargo auditable build --locked --release --package dataiku-operator --bin dataiku-operator --target "$target" \
    && install -D "target/$target/release/dataiku-operator" /out/dataiku-operator

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="dataiku-operator" \
      org.opencontainers.image.description="Declarative access to Dataiku DSS, Govern and Cloud Launchpad for Kubernetes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/dataiku-operator /dataiku-operator
USER 65532:65532
ENTRYPOINT ["/dataiku-operator"]
CMD ["run"]
