# syntax=docker/dockerfile:1
#
# One image for all processes: `evcommand broker`, `worker`, `gateway`. See deploy/README.md.
#
#   docker build --build-arg VERSION=0.1.0 --build-arg REVISION=$(git rev-parse HEAD) -t evcommand:0.1.0 .
#
# Name the base by its digest to build the same again:
# --build-arg PYTHON_IMAGE=python:3.13.5-slim-bookworm@sha256:...
ARG PYTHON_IMAGE=python:3.13.5-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/evcommand \
    && /opt/evcommand/bin/python -m pip install --require-hashes --no-deps --only-binary :all: -r requirements.lock \
    && python -m venv /opt/builder \
    && /opt/builder/bin/python -m pip install --require-hashes --no-deps --only-binary :all: -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY broker broker
COPY contract contract
COPY domain domain
COPY entrypoints entrypoints
COPY fleet fleet
COPY journal journal
COPY simulator simulator
COPY station_gateway station_gateway
COPY telemetry telemetry
COPY workflows workflows
COPY protos/gen/evcommand protos/gen/evcommand
# Compiled here: the processes may run on a root that they cannot write to.
RUN /opt/builder/bin/python -m hatchling build -t wheel -d dist \
    && /opt/evcommand/bin/python -m pip install --no-index --no-deps dist/*.whl \
    && /opt/evcommand/bin/python -m pip uninstall --yes pip \
    && /opt/evcommand/bin/python -m compileall -q /opt/evcommand/lib

FROM ${PYTHON_IMAGE}
ARG VERSION=unknown
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="evcommand" \
    org.opencontainers.image.description="A gRPC command broker with a workflow engine for EV charging stations" \
    org.opencontainers.image.source="${SOURCE}" \
    org.opencontainers.image.licenses="Apache-2.0" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
RUN python -m pip uninstall --yes pip
COPY --from=build /opt/evcommand /opt/evcommand
ENV PATH=/opt/evcommand/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    EVCOMMAND_LOG_FORMAT=json \
    EVCOMMAND_METRICS_LISTEN=127.0.0.1:9464
USER 10001:10001
EXPOSE 50051 9000 9464
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=3 CMD ["evcommand", "health"]
ENTRYPOINT ["evcommand"]
CMD ["--help"]
