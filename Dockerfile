# One image for every component of a fleet; docker-compose.yaml says which runs what.

FROM python:3.13.9-slim-trixie AS build
WORKDIR /opt/econsent
ENV AIRFLOW_HOME=/opt/econsent/airflow
COPY . .
# the same environment as everywhere: requirements.txt, by hash
RUN ./econsent --help && .venv/bin/python -m econsent_stack.image

FROM python:3.13.9-slim-trixie
# the user has a number of its own, owns its logs and the share, and nothing else
RUN groupadd --gid 50000 econsent && useradd --uid 50000 --gid 50000 --no-create-home --shell /usr/sbin/nologin econsent
WORKDIR /opt/econsent
COPY --from=build /opt/econsent /opt/econsent
RUN install -d -o econsent -g econsent /opt/econsent/airflow/logs /mnt/efs /mnt/object-store /keys /var/tmp/videos
# what the log of every task says of itself
ARG ECONSENT_REVISION=unknown
ENV ECONSENT_REVISION=$ECONSENT_REVISION \
    PATH=/opt/econsent/.venv/bin:$PATH \
    AIRFLOW_HOME=/opt/econsent/airflow \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    AIRFLOW_VAR_ECONSENT_VIDEO_PROGRAMS='{"replayer": "/opt/econsent/browser/replay.js", "chromium": "/opt/econsent/browser/chromium-headless-shell", "libraries": "/opt/econsent/browser/lib", "fonts": "/opt/econsent/browser/fonts.conf"}'
USER 50000:50000
CMD ["airflow", "version"]
