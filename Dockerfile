# The image holds the static binary, the CA certificates and an empty data
# folder, and nothing else: no shell, no package manager, no root.
FROM golang:1.26 AS build
ARG VERSION=devel
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/noafhir ./cmd/noafhir
RUN mkdir -p /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build --chown=65532:65532 /out/data /data
COPY --from=build /out/noafhir /noafhir
USER 65532:65532
WORKDIR /data
VOLUME /data
ENV NOAFHIR_STORE=sqlite:/data/noafhir.db
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/noafhir", "healthcheck", "http://127.0.0.1:8080/readyz"]
ENTRYPOINT ["/noafhir"]
# Without logins the server refuses to listen on anything but loopback, in a
# container too: run it with --network host. See docs/operations.md.
CMD ["serve", "--listen", "127.0.0.1:8080"]
