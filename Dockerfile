# Two stages: the first has the build tools, the second only what runs.
FROM python:3.13-slim AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore \
    PIP_ONLY_BINARY=:all:

# Dependencies first: this layer is rebuilt only when the pins change. They are complete, so that
# pip resolves nothing (--no-deps), and wheels, so that it builds nothing.
COPY requirements/ requirements/
RUN python -m venv --without-pip /opt/carbon-exporter \
 && python -m pip install --require-hashes --no-deps -r requirements/build.txt \
 && python -m pip --python /opt/carbon-exporter/bin/python install --require-hashes --no-deps -r requirements/runtime.txt \
 && python -m pip --python /opt/carbon-exporter/bin/python check

COPY pyproject.toml README.md LICENSE NOTICE ./
COPY exporter/ exporter/
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
 && python -m pip --python /opt/carbon-exporter/bin/python install --no-deps --no-index /wheels/*.whl

FROM python:3.13-slim
LABEL org.opencontainers.image.title="carbon-exporter" \
      org.opencontainers.image.description="Live carbon observability of cloud infrastructure for Prometheus" \
      org.opencontainers.image.licenses="Apache-2.0"

# The state folder belongs to the user, so that a fresh named volume does too.
RUN groupadd --system --gid 10001 carbon \
 && useradd --system --uid 10001 --gid carbon --no-create-home \
      --home-dir /var/lib/carbon-exporter --shell /usr/sbin/nologin carbon \
 && install -d -o carbon -g carbon -m 0750 /var/lib/carbon-exporter
COPY --from=build /opt/carbon-exporter /opt/carbon-exporter
COPY LICENSE NOTICE /usr/share/doc/carbon-exporter/

# A container's loopback reaches nobody, so here the exporter listens on every address.
ENV PATH=/opt/carbon-exporter/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    CARBON_LISTEN=0.0.0.0:9180 \
    CARBON_STATE=/var/lib/carbon-exporter/state.db
# The configuration is ./carbon-exporter.yml here, if it is mounted.
WORKDIR /etc/carbon-exporter
VOLUME ["/var/lib/carbon-exporter"]
USER 10001:10001
EXPOSE 9180
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
  CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 9180, timeout=4); c.request('GET', '/-/healthy'); sys.exit(c.getresponse().status != 200)"]
ENTRYPOINT ["carbon-exporter"]
CMD ["serve"]
