# The container image of pryv-nomad, for its jobs on the cluster (docs/jobs.md). Small, without root, one program.
#   make image            builds pryv-nomad:VERSION
#   BASE                  any image with Python 3.11 or later; both stages use it, since a virtual environment belongs
#                         to the interpreter that it was made with
ARG BASE=python:3.13-slim

FROM ${BASE} AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY pryv_nomad pryv_nomad
COPY jobs jobs
COPY consul-templates consul-templates
COPY examples examples
RUN python3 -m venv /opt/pryv-nomad \
 && /opt/pryv-nomad/bin/pip install --no-cache-dir --disable-pip-version-check . \
 && /opt/pryv-nomad/bin/pip uninstall --yes --disable-pip-version-check setuptools pip

FROM ${BASE}
LABEL org.opencontainers.image.title="pryv-nomad" \
      org.opencontainers.image.description="Runs Pryv.io platforms on HashiCorp Nomad and Consul" \
      org.opencontainers.image.licenses="BSD-3-Clause"
COPY --from=build /opt/pryv-nomad /opt/pryv-nomad
ENV PATH=/opt/pryv-nomad/bin:$PATH \
    PYTHONUNBUFFERED=1
# The user of Pryv.io's own containers, so that both may write the same volumes.
USER 9999:9999
WORKDIR /tmp
ENTRYPOINT ["pryv-nomad"]
CMD ["--help"]
