"""`secrets`, from the command line against the simulator over HTTP: values go into Nomad Variables and nowhere else."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pryv_nomad.secrets.self_signed import self_signed
from tests.rollout.platform import Platform, Result, platform


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Platform]:
    """A platform without any secret."""
    with platform(tmp_path) as made:
        yield made


def stored(made: Platform, path: str = "nomad/jobs") -> dict[str, str]:
    variable = made.nomad.variable(path)
    return dict(variable["Items"]) if variable else {}


def typed(made: Platform, monkeypatch: pytest.MonkeyPatch, text: str, *arguments: str) -> Result:
    """A command that reads `text` from a pipe."""
    monkeypatch.setattr(io, "StringIO", lambda initial=text, kind=io.StringIO: kind(initial))
    return made.pn(*arguments)


def test_init_makes_the_keys_and_says_what_is_still_missing(fresh: Platform) -> None:
    first = fresh.pn("secrets", "init")
    values = stored(fresh)

    assert first.code == 0
    assert "CORE_SYSTEM_KEY: made, in nomad/jobs" in first.out
    assert "TLS_KEY: still missing" in first.out
    assert len(values) == 6
    assert [value for value in values.values() if value in first.out + first.err] == []

    assert "made" not in fresh.pn("secrets", "init").out
    assert stored(fresh) == values


def test_the_list_shows_what_is_there_and_never_a_value(fresh: Platform) -> None:
    before = fresh.pn("secrets", "list")
    assert "MISSING" in before.out

    fresh.secrets()
    after, as_json = fresh.pn("secrets", "list"), fresh.pn("secrets", "list", "--json")

    assert "MISSING" not in after.out
    assert "certificate: *.pryv.example, pryv.example" in after.out
    assert all(entry["stored"] for entry in json.loads(as_json.out))
    for value in stored(fresh).values():
        assert value not in after.out + as_json.out


def test_init_takes_over_the_keys_of_a_config_leader_folder(
    fresh: Platform, leader_folder: Callable[[str], Path]
) -> None:
    result = fresh.pn("secrets", "init", "--from", str(leader_folder("cluster")))
    assert result.code == 0
    assert "REGISTER_ADMIN_KEY: taken over" in result.out
    assert stored(fresh)["REGISTER_ADMIN_KEY"] == "AdminKeyAdminKeyAdminKey"
    assert "AdminKeyAdmin" not in result.out + result.err


def test_a_rotation_replaces_the_key_counts_it_and_rolls_only_its_jobs(fresh: Platform) -> None:
    fresh.secrets()
    fresh.run()
    before, text = stored(fresh), fresh.file.read_text()

    result = fresh.pn("secrets", "rotate", "CORE_MAIL_KEY")

    after = stored(fresh)
    assert result.code == 0
    assert {key for key in after if after[key] != before[key]} == {"CORE_MAIL_KEY"}
    assert after["CORE_MAIL_KEY"] not in result.out + result.err + fresh.file.read_text()
    assert fresh.file.read_text().startswith(text.rstrip("\n"))
    plan = json.loads(fresh.pn("plan", "--json").out)
    changed = sorted(change["job"] for change in plan["changes"] if change["action"] != "unchanged")
    assert changed == ["pryv-core-co1", "pryv-core-co2", "pryv-registry"]


def test_a_rotation_that_is_only_shown_leaves_the_file(fresh: Platform) -> None:
    fresh.secrets()
    text = fresh.file.read_text()
    result = fresh.pn("secrets", "rotate", "--print", "CORE_MAIL_KEY")
    assert "CORE_MAIL_KEY: 1" in result.out
    assert fresh.file.read_text() == text


def test_an_unknown_key_stops_the_rotation_of_the_others(fresh: Platform) -> None:
    fresh.secrets()
    before, text = stored(fresh), fresh.file.read_text()
    assert fresh.pn("secrets", "rotate", "CORE_MAIL_KEY", "NOBODYS_KEY").code == 5
    assert stored(fresh) == before
    assert fresh.file.read_text() == text


def test_a_given_secret_is_read_from_a_pipe_and_not_from_the_arguments(
    fresh: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = "settings: {EMAIL_SMTP_SETTINGS: {host: smtp.example, port: 25, auth: {user: mailer}}}\n"
    fresh.write(2, mail)
    password = 'p\'ass "{{ word }}" ${x}'

    result = typed(fresh, monkeypatch, password + "\n", "secrets", "set", "EMAIL_SMTP_PASSWORD")

    assert result.code == 0, result.err
    assert stored(fresh, "nomad/jobs/pryv-registry") == {"EMAIL_SMTP_PASSWORD": password}
    assert password not in result.out


def test_an_empty_pipe_stores_nothing(fresh: Platform) -> None:
    result = fresh.pn("secrets", "set", "CORE_MAIL_KEY")
    assert result.code == 5
    assert "nothing was stored" in result.err
    assert stored(fresh) == {}


def test_a_certificate_is_checked_before_it_is_stored(fresh: Platform, tmp_path: Path) -> None:
    certificate, key = self_signed("other.example", datetime.now(UTC))
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key)

    refused = fresh.pn("secrets", "tls", str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))

    assert refused.code == 5
    assert "not for *.pryv.example" in refused.err
    assert stored(fresh) == {}


def test_a_certificate_and_its_key_are_stored(fresh: Platform, tmp_path: Path) -> None:
    certificate, key = self_signed("pryv.example", datetime.now(UTC))
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key)

    result = fresh.pn("secrets", "tls", str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))

    assert result.code == 0, result.err
    assert stored(fresh) == {"TLS_CERTIFICATE": certificate.decode(), "TLS_KEY": key.decode()}


@pytest.mark.parametrize("arguments", [(), ("only-one.pem",), ("cert.pem", "key.pem", "--self-signed")])
def test_half_a_pair_is_wrong_usage(fresh: Platform, arguments: tuple[str, ...]) -> None:
    assert fresh.pn("secrets", "tls", *arguments).code == 2


def test_a_missing_file_is_named(fresh: Platform, tmp_path: Path) -> None:
    result = fresh.pn("secrets", "tls", str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    assert result.code == 5
    assert "cert.pem: cannot be read" in result.err


def test_a_run_refuses_while_a_secret_is_missing(fresh: Platform) -> None:
    fresh.pn("secrets", "init")
    result = fresh.pn("run", "--yes")
    assert result.code == 5
    assert "TLS_CERTIFICATE is not in the Nomad Variable nomad/jobs" in result.err
    assert fresh.nomad.list_jobs() == []
