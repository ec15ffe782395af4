# The image: feedpub in a virtual environment, on Debian's slim Python; no compiler, no pip, no root.
FROM docker.io/library/python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# For `strip`: what wheels bring for debuggers is a third of their machine code.
RUN apt-get update -qq && apt-get install -qq --no-install-recommends binutils >/dev/null
# Every download is checked against its hash; what is only there as source is built with the locked setuptools.
COPY requirements-sbom.lock ./
RUN python -m venv /opt/sbom && /opt/sbom/bin/pip install -q --no-deps --require-hashes -r requirements-sbom.lock
RUN python -m venv /opt/feedpub
ENV PATH=/opt/feedpub/bin:$PATH
COPY requirements-build.lock requirements.lock ./
# Lexers colour source code, which nobody shows here. Libraries that wheels bring along (*.libs) were patched, and are
# left as they are.
RUN pip install --no-deps --require-hashes -r requirements-build.lock \
 && pip install --no-deps --require-hashes --no-build-isolation --use-pep517 --no-compile -r requirements.lock \
 && find /opt/feedpub/lib -path '*/pygments/lexers/[!_]*.py' -delete \
 && find /opt/feedpub/lib -name '*.pyi' -delete \
 && find /opt/feedpub/lib -name '*.so' -not -path '*.libs/*' -exec strip --strip-unneeded {} +
COPY pyproject.toml README.md LICENSE ./
COPY src src
# Compiled here, since the root is read-only where it runs; by content, since layers may change a file's time.
RUN pip install --no-deps --no-build-isolation --no-compile . \
 && pip uninstall --yes setuptools pip \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/feedpub/lib \
 && /opt/sbom/bin/cyclonedx-py environment --output-reproducible --pyproject pyproject.toml \
      --output-file /opt/feedpub/sbom.cdx.json /opt/feedpub/bin/python

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
