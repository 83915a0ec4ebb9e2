"""What is missing is made once, what is there stays, and nobody's keys are lost or shown."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pryv_nomad.errors import Conflict, SecretsError
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.secrets import keys
from pryv_nomad.secrets.needs import needs
from pryv_nomad.secrets.store import SecretStore
from tests.secrets.memory import MemoryVariables

Load = Callable[..., Cluster]
MAIL = """\
settings:
  EMAIL_SMTP_SETTINGS: {host: smtp.example, port: 587, auth: {user: mailer}}
images: {registry: images.example, credentials: {}}
"""


@pytest.fixture
def variables() -> MemoryVariables:
    return MemoryVariables()


def test_the_smallest_platform_needs_six_keys_and_a_certificate(cluster: Load) -> None:
    needed = needs(cluster())
    assert [need.key for need in needed if need.generated] == [
        "CORE_MAIL_KEY",
        "CORE_SYSTEM_KEY",
        "FILES_READ_TOKEN_SECRET",
        "REGISTER_ADMIN_KEY",
        "REGISTER_SYSTEM_KEY_1",
        "SSO_COOKIE_SIGN_SECRET",
    ]
    assert [need.key for need in needed if not need.generated] == ["TLS_CERTIFICATE", "TLS_KEY"]
    assert {need.path for need in needed} == {"nomad/jobs"}


def test_what_one_job_needs_is_out_of_reach_of_the_others(cluster: Load) -> None:
    paths = {need.key: need.path for need in needs(cluster(MAIL))}
    assert paths["EMAIL_SMTP_PASSWORD"] == "nomad/jobs/pryv-registry"
    assert paths["IMAGE_REGISTRY_PASSWORD"] == "nomad/jobs"


def test_a_certificate_from_files_needs_no_variable(cluster: Load) -> None:
    tls = "tls: {source: path, certificate_path: /etc/tls/cert.pem, key_path: /etc/tls/key.pem}\n"
    assert not [need for need in needs(cluster(tls)) if need.key.startswith("TLS_")]


def test_init_makes_what_is_missing_and_nothing_twice(cluster: Load, variables: MemoryVariables) -> None:
    needed, store = needs(cluster()), SecretStore(variables)

    made = keys.init(needed, store, {})
    first = dict(variables.items["nomad/jobs"])

    assert [need.key for need in made] == [need.key for need in needed if need.generated]
    assert all(20 <= len(value) <= 50 and value.isalnum() for value in first.values())
    assert keys.init(needed, store, {}) == []
    assert variables.items["nomad/jobs"] == first
    assert [need.key for need in keys.missing(needed, store)] == ["TLS_CERTIFICATE", "TLS_KEY"]


def test_init_takes_over_what_an_old_platform_has(cluster: Load, variables: MemoryVariables) -> None:
    variables.put_variable("nomad/jobs", {"SOMEBODYS": "own"}, cas=0)
    given = {"CORE_SYSTEM_KEY": "Internal2Internal2Internal", "EMAIL_SMTP_PASSWORD": "p'ass \"{{"}

    keys.init(needs(cluster(MAIL)), SecretStore(variables), given)

    assert variables.items["nomad/jobs"]["CORE_SYSTEM_KEY"] == given["CORE_SYSTEM_KEY"]
    assert variables.items["nomad/jobs"]["SOMEBODYS"] == "own"
    assert variables.items["nomad/jobs/pryv-registry"] == {"EMAIL_SMTP_PASSWORD": given["EMAIL_SMTP_PASSWORD"]}


def test_a_malformed_old_key_stops_it_all(cluster: Load, variables: MemoryVariables) -> None:
    with pytest.raises(SecretsError, match="CORE_SYSTEM_KEY") as refusal:
        keys.init(needs(cluster()), SecretStore(variables), {"CORE_SYSTEM_KEY": 'say "so"'})
    assert "say" not in refusal.value.message
    assert variables.writes == 0


def test_a_rotation_replaces_only_its_keys(cluster: Load, variables: MemoryVariables) -> None:
    needed, store = needs(cluster()), SecretStore(variables)
    keys.init(needed, store, {})
    before = dict(variables.items["nomad/jobs"])

    rotated = keys.rotate(["CORE_MAIL_KEY"], needed, store)

    after = variables.items["nomad/jobs"]
    assert [need.components for need in rotated] == [("core", "mail")]
    assert {key for key in before if before[key] != after[key]} == {"CORE_MAIL_KEY"}


@pytest.mark.parametrize(("key", "message"), [("NOBODYS", "not a secret"), ("TLS_KEY", "given, not made")])
def test_what_cannot_be_rotated_is_refused(cluster: Load, variables: MemoryVariables, key: str, message: str) -> None:
    with pytest.raises(SecretsError, match=message):
        keys.rotate([key, "CORE_MAIL_KEY"], needs(cluster()), SecretStore(variables))
    assert variables.writes == 0


def test_two_operators_do_not_undo_each_other(cluster: Load, variables: MemoryVariables) -> None:
    def faster() -> None:
        variables.before_write = lambda: None
        variables.put_variable("nomad/jobs", {"CORE_MAIL_KEY": "theirs"}, cas=0)

    variables.before_write = faster
    with pytest.raises(Conflict):
        keys.init(needs(cluster()), SecretStore(variables), {})
    assert variables.items["nomad/jobs"] == {"CORE_MAIL_KEY": "theirs"}


def test_a_run_without_secrets_is_told_how_to_store_them(cluster: Load, variables: MemoryVariables) -> None:
    needed, store = needs(cluster()), SecretStore(variables)
    keys.init(needed, store, {})
    with pytest.raises(SecretsError, match="TLS_KEY is not in the Nomad Variable nomad/jobs") as refusal:
        keys.require(needed, store)
    assert "secrets tls" in refusal.value.remedy
    assert "secrets init" not in refusal.value.remedy

    store.put("nomad/jobs", {"TLS_CERTIFICATE": "c", "TLS_KEY": "k"})
    keys.require(needed, store)
