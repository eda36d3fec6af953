# taxi_luigi in a container; docs/containers.md says how it is used, scripts/image builds and tries it.
# The image is a checkout in /app, installed as the README installs it: environment in .venv, settings in config/.

# Python 3.11, which the pinned versions are tested with (November 2026). A tag can be moved: to pin what you have tried,
# give its digest: --build-arg BASE="$(docker inspect --format '{{index .RepoDigests 0}}' python:3.11.15-slim-bookworm)".
ARG BASE=docker.io/library/python:3.11.15-slim-bookworm

FROM ${BASE} AS build
# Where pip finds packages, if not at PyPI. They stay in this stage, of which the image keeps files alone.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
WORKDIR /app
COPY setup.cfg pyproject.toml constraints.txt ./
# The dependencies first, for a package that is still empty: a change of our code leaves them in the builder's cache.
# The environment is made without pip: nothing is installed into it later. These three packages bring tests of their own
# along that nothing imports: 59 MB (November 2026).
RUN mkdir taxi_luigi && touch README.md taxi_luigi/__init__.py \
    && python3 -m venv --without-pip .venv \
    && python3 -m pip --python .venv/bin/python install --no-cache-dir --disable-pip-version-check \
        --editable . --constraint constraints.txt \
    && rm -r .venv/lib/python3*/site-packages/matplotlib/tests \
        .venv/lib/python3*/site-packages/pandas/tests \
        .venv/lib/python3*/site-packages/pyarrow/tests
COPY taxi_luigi taxi_luigi
# Nobody can write .pyc files later. Of unchecked-hash, they hold whatever time stamps a builder gives to files.
RUN .venv/bin/python -m compileall -q --invalidation-mode unchecked-hash taxi_luigi

FROM ${BASE}
# tini is process 1: it collects the dead, and passes on signals also while Python is not ready for them.
# snooze waits for a time of day: compose.yaml's nightly run.
RUN apt-get update \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends snooze tini \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/apt /var/log/dpkg.log \
    && useradd --uid 10001 --create-home taxi \
    && mkdir --mode 1777 -p /app/data
WORKDIR /app
COPY --from=build /app/.venv .venv
COPY deploy/image/luigi.cfg /etc/luigi/luigi.cfg
COPY config config
COPY scripts/cron-run scripts/lib.sh scripts/luigid scripts/
COPY deploy deploy
COPY --from=build /app/taxi_luigi taxi_luigi
RUN ln -s config/luigi.cfg luigi.cfg && ln -s /app/scripts/cron-run /usr/local/bin/cron-run

# HOME and USER also for a user number that has no name here: docker run --user 1234:1234.
ENV PATH=/app/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/home/taxi \
    USER=taxi \
    PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /app/data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s CMD ["/app/deploy/image/healthcheck"]
ENTRYPOINT ["tini", "-s", "--", "/app/deploy/image/entrypoint"]
CMD ["taxi-luigi", "--help"]

ARG VERSION
ARG REVISION
LABEL org.opencontainers.image.title="taxi_luigi" \
    org.opencontainers.image.description="New York's taxi trips, from TLC's monthly files to a lake and a warehouse" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}"
