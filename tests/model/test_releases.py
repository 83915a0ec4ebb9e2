"""Release files and the catalogue: facts of the platform, each told once."""

from __future__ import annotations

from pathlib import Path

import pytest

from pryv_nomad.model import releases
from pryv_nomad.model.variables import faults

CATALOGUE = releases.load_catalogue("1.9")

VARIABLES = (Path(__file__).parent.parent / "cases/model/variables-1.9.2.txt").read_text().split()
"""The names in template-platform.yml of 1.9.2, of the cluster and of the single node."""


def test_every_platform_variable_of_1_9_2_is_in_the_catalogue_and_no_other() -> None:
    assert sorted(CATALOGUE.variables) == sorted(VARIABLES)


@pytest.mark.parametrize("name", sorted(CATALOGUE.variables))
def test_a_variable_has_a_default_that_is_right_or_a_place_it_follows_from(name: str) -> None:
    variable = CATALOGUE.variables[name]
    if variable.derived or variable.secret:
        assert variable.default is None
    else:
        assert list(faults(variable, variable.default)) == []


def test_the_secrets_of_config_leader_are_in_the_catalogue_with_their_readers() -> None:
    readers = {key: secret.components for key, secret in CATALOGUE.secrets.items()}
    assert readers == {
        "SSO_COOKIE_SIGN_SECRET": ("core",),
        "FILES_READ_TOKEN_SECRET": ("core",),
        "CORE_SYSTEM_KEY": ("core", "register", "dns"),
        "CORE_MAIL_KEY": ("core", "mail"),
        "REGISTER_SYSTEM_KEY_1": ("core", "register", "dns"),
        "REGISTER_ADMIN_KEY": ("register", "dns"),
        "EMAIL_SMTP_PASSWORD": ("mail",),
    }
    assert all(secret.length is None or 20 <= secret.length <= 50 for secret in CATALOGUE.secrets.values())


IMAGES = {
    "nginx": "pryvio/nginx:1.9.0",
    "core": "pryvio/core:1.9.2",
    "hfs": "pryvio/hfs:1.9.2",
    "preview": "pryvio/preview:1.9.2",
    "webhooks": "pryvio/webhooks:1.9.2",
    "mfa": "pryvio/mfa:1.1.9",
    "mongodb": "pryvio/mongodb:1.9.0",
    "influxdb": "influxdb:1.7.8",
    "register": "pryvio/register:1.9.2",
    "dns": "pryvio/dns:1.9.2",
    "redis": "pryvio/redis:1.9.0",
    "mail": "pryvio/mail:1.9.0",
    "admin_panel": "pryvio/app-web-admin:1.2.1",
    "app_web_auth3": "pryvio/app-web-auth3:1.0.8",
    "ssl_certificate": "pryvio/ssl-certificate:1.1.4",
    "config_leader": "pryvio/config-leader:1.2.22",
    "config_follower": "pryvio/config-follower:1.0.9",
}


def test_release_1_9_2_has_the_images_of_its_configuration_template() -> None:
    release = releases.load_release("1.9.2")
    assert {name: component.image for name, component in release.components.items()} == IMAGES
    assert release.migrates


@pytest.mark.parametrize("name", releases.available())
def test_a_releases_facts_fit_together(name: str) -> None:
    release = releases.load_release(name)
    volumes = {"core_data", "mongodb_data", "mongodb_backup", "influxdb_data", "influxdb_backup", "redis_data"}
    for component in release.components.values():
        health = component.health
        assert not health.port or health.port in component.ports
        assert (health.type == "script") == bool(health.command)
        assert (health.type == "http") == bool(health.path)
        assert set(component.volumes) <= volumes
    assert releases.load_catalogue(release.settings).variables


def test_release_1_9_0_differs_in_images_only() -> None:
    old, new = releases.load_release("1.9.0"), releases.load_release("1.9.2")
    images = {name: component.image for name, component in old.components.items()}
    assert images["mfa"] == "pryvio/mfa:1.1.8"
    same = {name: component.model_copy(update={"image": ""}) for name, component in new.components.items()}
    assert {name: component.model_copy(update={"image": ""}) for name, component in old.components.items()} == same


def test_the_newest_release_comes_first_whoever_made_it(tmp_path: Path) -> None:
    for name in ("1.10.0", "2.0.0-rc.2"):
        (tmp_path / f"{name}.yml").touch()
    assert releases.available(tmp_path) == ["2.0.0-rc.2", "1.10.0", "1.9.2", "1.9.0"]
