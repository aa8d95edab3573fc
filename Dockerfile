# The image of every role: `serve` (all, api or worker), `provision`, `doctor` and the rest of the command `weft`.
#
#     docker build --build-arg PYTHON_IMAGE=python:3.13-slim@sha256:<digest> --tag weft:0.1.0 .
#
# What is released is built from a digest, so that the same commit gives the same image: the tag below moves with every patch of
# Python and Debian, and is for a laptop. `docker buildx imagetools inspect python:3.13-slim` shows the current digest; a scanner
# says when to take a newer one. The image that was taken is in the label org.opencontainers.image.base.name.
ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build

# pip stays out of the environment that is shipped. Both stages have it at one path, because scripts in it name their interpreter.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/weft
WORKDIR /src

# Wheels alone: without a compiler here, a missing one is an error and no slow surprise.
COPY requirements/build.txt requirements/container.txt requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    /opt/build/bin/pip install --no-deps --require-hashes --only-binary :all: --requirement requirements/build.txt \
    && /opt/build/bin/pip --python /opt/weft install --no-deps --require-hashes --only-binary :all: --no-compile \
       --requirement requirements/container.txt

COPY pyproject.toml README.md LICENSE ./
COPY engine engine
COPY graphql_api graphql_api
COPY triggers triggers
COPY weft weft
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --no-cache-dir --wheel-dir /dist . \
    && /opt/build/bin/pip --python /opt/weft install --no-deps --no-index --no-compile /dist/*.whl \
    # Hash-checked byte code without checks at run time: it fits whatever the times of the files become in layers.
    && /opt/weft/bin/python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/weft/lib

FROM ${PYTHON_IMAGE}

ARG PYTHON_IMAGE
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="weft" \
      org.opencontainers.image.description="Durable AI-agent workflows behind a GraphQL API" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="${PYTHON_IMAGE}"

# A number, because Kubernetes cannot tell from a name that it is not root.
ARG UID=10001
RUN useradd --uid ${UID} --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin weft \
    && install --directory --owner ${UID} --group ${UID} --mode 0700 /var/lib/weft /srv/weft \
    # Python's own library comes without byte code, and a read-only file system keeps none: half a second of each start.
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x /site-packages/ \
       "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"

COPY --from=build /opt/weft /opt/weft

# Listening on every address is refused with WEFT_AUTH=local, where everybody who can connect is the owner.
# Nothing is written outside WEFT_DATA_DIR, and with Firestore not there either: the root file system may be read-only.
# WEFT_TOKENS_FILE names a file, which is mounted: no token is in the image.
# hadolint ignore=DL3064
ENV PATH=/opt/weft/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    WEFT_HOST=0.0.0.0 \
    WEFT_PORT=8000 \
    WEFT_AUTH=token \
    WEFT_TOKENS_FILE=/etc/weft/tokens.yaml \
    WEFT_LOG_FORMAT=json \
    WEFT_DATA_DIR=/var/lib/weft

RUN ["weft", "--version"]

# The modules of WEFT_MODULES are searched here too.
WORKDIR /srv/weft
USER ${UID}:${UID}
EXPOSE 8000
STOPSIGNAL SIGTERM

# For Docker; Kubernetes has its own probes. http.client, since urllib would ask a proxy of the environment.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --start-interval=1s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['WEFT_PORT']), timeout=2); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]

ENTRYPOINT ["weft"]
CMD ["serve"]
