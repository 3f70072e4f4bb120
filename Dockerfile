# A static binary on nothing: no shell, no package manager, no root.
FROM rust:1.95.0-alpine AS build
RUN apk add --no-cache build-base
WORKDIR /src
COPY . .
RUN cargo build --locked --release -p dataiku-operator --bin dataiku-operator

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /src/target/release/dataiku-operator /dataiku-operator
USER 65532:65532
ENTRYPOINT ["/dataiku-operator"]
CMD ["run"]
