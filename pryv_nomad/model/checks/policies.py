"""Timers, certificates and volumes: what Nomad refuses, or what would not work at night."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from pryv_nomad.model.checks.finding import Finding, error, warning
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.file import DATABASE_PATIENCE
from pryv_nomad.model.types import seconds
from pryv_nomad.model.validation import written

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_CRON = re.compile(r"[0-9A-Z*,/-]+(?: +[0-9A-Z*,/-]+){4}")
_MACHINE_PATH = re.compile(r"/[^:]*")
_VAULT_PATH = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)+")
_OF_ONE_CORE = ("core_data", "mongodb_data", "mongodb_backup", "influxdb_data", "influxdb_backup")


def timers_are_in_order(cluster: Cluster) -> Iterator[Finding]:
    """min_healthy_time < healthy_deadline < progress_deadline, else Nomad refuses the job (structs.UpdateStrategy)."""
    update = cluster.file.update
    names = ("min_healthy_time", "healthy_deadline", "progress_deadline")
    for shorter, longer in pairwise(names):
        low, high = getattr(update, shorter), getattr(update, longer)
        if seconds(low) >= seconds(high):
            yield error(f"update.{longer}", f"{high} must be longer than {shorter}, which is {low}")


def databases_may_stop_in_time(cluster: Cluster) -> Iterator[Finding]:
    """Nomad refuses a task whose kill timeout is longer than its group's progress deadline (structs.Task.Validate)."""
    kill, deadline = cluster.file.lifecycle.kill_timeout, cluster.file.update.progress_deadline
    needed = seconds(kill) * DATABASE_PATIENCE
    if needed > seconds(deadline):
        yield error(
            "lifecycle.kill_timeout",
            f"a database gets {DATABASE_PATIENCE} times {kill} to stop, longer than progress_deadline, which is"
            f" {deadline}",
            f"make update.progress_deadline {needed:g}s or more",
        )


def certificate_can_be_found(cluster: Cluster) -> Iterator[Finding]:
    """Each source of the certificate has what it needs."""
    tls = cluster.file.tls
    if tls.source == "vault" and not tls.vault_path:
        yield error("tls", "source vault needs vault_path", "such as secret/data/pryv/tls")
    if tls.vault_path and not _VAULT_PATH.fullmatch(tls.vault_path):
        yield error("tls.vault_path", "not a path in Vault", "write it like secret/data/pryv/tls")
    if tls.source == "path":
        for key in ("certificate_path", "key_path"):
            value = getattr(tls, key)
            if not value:
                yield error("tls", f"source path needs {key}")
            elif not _MACHINE_PATH.fullmatch(value):
                yield error(
                    f"tls.{key}", f"{written(value)} must begin with / and hold no colon; it is a path on the machines"
                )


def renewal_can_work(cluster: Cluster) -> Iterator[Finding]:
    """Renewal writes Nomad Variables and uses the platform's own dns."""
    acme = cluster.acme
    if not acme.enabled:
        return
    if not _EMAIL.fullmatch(acme.email):
        yield error("tls.acme.email" if acme.email else "tls.acme", "renewal needs the mail address of its account")
    if not _CRON.fullmatch(acme.schedule):
        yield error("tls.acme.schedule", "must be a cron schedule of five fields, such as 17 3 * * *")
    if cluster.file.tls.source != "variables":
        yield error("tls.acme", f"renewal cannot write to source {cluster.file.tls.source}", "use source variables")
    if not cluster.file.registry.dns.enabled:
        yield error("tls.acme", "renewal proves the domain through the platform's dns, which is off")
    if "_acme-challenge" in (cluster.settings.get("DNS_CUSTOM_ENTRIES") or {}):
        yield error(
            "settings.DNS_CUSTOM_ENTRIES", "has a name _acme-challenge, which renewal needs for itself", "remove it"
        )
    issuer = cluster.settings.get("SSL_CAA_ISSUER")
    if issuer != "letsencrypt.org":
        yield warning(
            "settings.SSL_CAA_ISSUER", f"is {written(issuer)}, so Let's Encrypt refuses the renewal", "letsencrypt.org"
        )


def shared_volumes(cluster: Cluster) -> Iterator[Finding]:
    """A CSI volume of the same name for two cores would be the same database for both."""
    groups: dict[tuple[str, str, str], list[str]] = {}
    for core in cluster.deployed_cores:
        for key, volume in core.profile.volumes:
            if volume.type == "csi" and key in _OF_ONE_CORE and "{core}" not in volume.source:
                groups.setdefault((core.path, key, volume.source), []).append(core.name)
    by_source: dict[tuple[str, str], int] = {}
    for (path, key, source), names in groups.items():
        before = by_source.get((key, source), 0)
        by_source[key, source] = before + len(names)
        if before + len(names) > 1:
            text = f"{names[-1]}: several cores would share the CSI volume {source} for {key}"
            yield error(path, text, f"put {{core}} into its name: {source}-{{core}}")


def redis_volume_of_a_core(cluster: Cluster) -> Iterator[Finding]:
    """redis belongs to the registry, and so do the files of its followers."""
    for index, entry in enumerate(cluster.file.cores):
        for key, what in (("redis_data", "redis"), ("registry_files", "register")):
            if getattr(entry.volumes, key) is not None:
                path = f"cores[{index}].volumes.{key}"
                yield warning(path, f"a core has no {what}", "set it under the platform's volumes")


def first_core_of_a_rollout(cluster: Cluster) -> Iterator[Finding]:
    """The first wave's core is one that we deploy."""
    first = cluster.file.rollout.first
    if first is not None and first not in {core.name for core in cluster.deployed_cores}:
        yield error("rollout.first", f"there is no core {written(first)} that is deployed", "name one of `cores`")


CHECKS = (
    timers_are_in_order,
    databases_may_stop_in_time,
    certificate_can_be_found,
    renewal_can_work,
    shared_volumes,
    redis_volume_of_a_core,
    first_core_of_a_rollout,
)
