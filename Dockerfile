# greendc as a container: docker build -t greendc .
# The root may be read-only and no user has rights; journal and ledger are in the volume /data, the
# configuration is expected as /etc/greendc/greendc.yaml. config/compose has all parts together.

FROM python:3.11.14-slim-bookworm AS build

WORKDIR /build
COPY requirements-run.lock ./
# No pip in the environment: this one installs into it. greendc itself is Python alone, so copying
# it is all there is to build.
RUN python -m venv --without-pip /opt/greendc \
    && python -m pip --python /opt/greendc/bin/python install --no-cache-dir --no-compile \
        --disable-pip-version-check --require-hashes --only-binary :all: -r requirements-run.lock
COPY greendc /opt/greendc/lib/python3.11/site-packages/greendc
COPY --chmod=755 config/compose/greendc.sh /opt/greendc/bin/greendc
# Byte code now: later the root is read-only.
RUN /opt/greendc/bin/python -m compileall -q /opt/greendc/lib

FROM python:3.11.14-slim-bookworm

# What installs software has no place where nothing is installed any more.
RUN python -m pip uninstall --yes pip setuptools wheel \
    && groupadd --system --gid 10001 greendc \
    && useradd --system --uid 10001 --gid greendc --home-dir /data --no-create-home \
        --shell /usr/sbin/nologin greendc \
    && install -d -o greendc -g greendc -m 0750 /data
COPY --from=build /opt/greendc /opt/greendc

ENV PATH=/opt/greendc/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    GREENDC_DATA=/data
USER 10001:10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8080
STOPSIGNAL SIGTERM

# Also right while the journal is read again at a start. Not by urllib, which would ask a proxy.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8080, timeout=4); c.request('GET', '/healthz'); raise SystemExit(c.getresponse().status != 200)"]

ENTRYPOINT ["greendc"]
CMD ["run", "-c", "/etc/greendc/greendc.yaml"]
