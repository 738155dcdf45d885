# The service from its locked requirements and its own wheel; no source and no build tool in what runs.

FROM python:3.12-slim AS build
WORKDIR /build
RUN python -m venv /opt/recsys
COPY requirements.lock requirements-build.lock ./
RUN /opt/recsys/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
RUN pip install --no-cache-dir --require-hashes -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip wheel --no-deps --no-build-isolation --wheel-dir dist .
RUN /opt/recsys/bin/pip install --no-deps --no-index dist/*.whl

FROM python:3.12-slim
RUN useradd --system --uid 10001 --home-dir /var/lib/recsys --create-home --shell /usr/sbin/nologin recsys
COPY --from=build /opt/recsys /opt/recsys
ENV PATH=/opt/recsys/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    RECSYS_HOST=0.0.0.0 \
    RECSYS_PORT=8000 \
    RECSYS_DATA_DIR=/var/lib/recsys
USER recsys
VOLUME /var/lib/recsys
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=4s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as ask; ask.urlopen(f'http://127.0.0.1:{os.environ[\"RECSYS_PORT\"]}/readyz', timeout=3)"]
ENTRYPOINT ["recsys"]
CMD ["serve"]
