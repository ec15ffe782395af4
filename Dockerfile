# The image: feedpub in a virtual environment, on Debian's slim Python; no compiler, no pip, no root.
FROM docker.io/library/python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv /opt/feedpub
ENV PATH=/opt/feedpub/bin:$PATH
# Every download is checked against its hash; what is only there as source is built with the locked setuptools.
COPY requirements-build.lock requirements.lock ./
RUN pip install --no-deps --require-hashes -r requirements-build.lock \
 && pip install --no-deps --require-hashes --no-build-isolation --use-pep517 --no-compile -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
# Compiled here, since the root is read-only where it runs; by content, since layers may change a file's time.
RUN pip install --no-deps --no-build-isolation --no-compile . \
 && pip uninstall --yes setuptools pip \
 && find /opt/feedpub -name '*.pyi' -delete \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/feedpub/lib

FROM docker.io/library/python:3.13-slim
LABEL org.opencontainers.image.title="feedpub" \
      org.opencontainers.image.description="Article store in; RSS, Atom and social notices out, each article once" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/feedpub /opt/feedpub
# Whatever user it runs as can write to a fresh volume; a bind mount belongs to whom the admin says.
RUN mkdir -m 1777 /data && mkdir /config
ENV PATH=/opt/feedpub/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    FEEDPUB_CONFIG=/config \
    FEEDPUB_WEB__LISTEN=0.0.0.0:8080 \
    FEEDPUB_ADMIN__LISTEN=0.0.0.0:8081
# Relative paths of the config start here, so that the default "data/…" is the volume.
WORKDIR /
VOLUME /data
USER 10001:10001
EXPOSE 8080 8081
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=15s --start-period=60s --retries=3 CMD ["feedpub", "healthcheck"]
ENTRYPOINT ["feedpub"]
CMD ["run"]
