# Steward in a container: `docker build -t steward .` then `docker run -v steward-data:/data -p 8080:8080 steward`.
FROM python:3.11-slim-bookworm AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/steward
COPY requirements.lock /tmp/
RUN /opt/steward/bin/pip install -q --no-deps --require-hashes --only-binary :all: -r /tmp/requirements.lock \
    && /opt/steward/bin/pip uninstall -qy setuptools
# the model needs two files only, so that a change of code does not prepare it again
COPY knowledge/__init__.py /tmp/prepare/knowledge/
COPY knowledge/embedding/__init__.py knowledge/embedding/prepare.py knowledge/embedding/graph.py knowledge/embedding/prepare.lock \
    /tmp/prepare/knowledge/embedding/
RUN cd /tmp/prepare && /opt/steward/bin/python -m knowledge.embedding.prepare
COPY bot /opt/steward/app/bot
COPY channels /opt/steward/app/channels
COPY graphs /opt/steward/app/graphs
COPY knowledge /opt/steward/app/knowledge
RUN echo /opt/steward/app > "$(/opt/steward/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/steward.pth" \
    && printf '#!/bin/sh\nexec /opt/steward/bin/python -P -m bot.cli "$@"\n' > /opt/steward/bin/steward \
    && chmod 755 /opt/steward/bin/steward \
    && /opt/steward/bin/python -m compileall -q /opt/steward/app

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin steward && install -d -o steward -g steward -m 700 /data
COPY --from=builder /opt/steward /opt/steward
# It listens inside the container alone. To publish the port: STEWARD_HTTP__HOST=0.0.0.0 with STEWARD_HTTP__TLS_CERT and
# __TLS_KEY, or with STEWARD_HTTP__TRUSTED_PROXY=true behind a proxy of yours that ends TLS.
ENV PATH=/opt/steward/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    STEWARD_HOME=/data \
    STEWARD_HTTP__PORT=8080
USER steward
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['STEWARD_HTTP__PORT']}/healthz\", timeout=4)"]
CMD ["steward", "run"]
