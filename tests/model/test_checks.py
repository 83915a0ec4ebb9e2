"""What needs more than one value to judge, each check with what it finds and what it lets pass."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.errors import ClusterFileError
from pryv_nomad.model.checks import check
from tests.model.support import findings_of, load


def one(name: str, **rest: Any) -> dict[str, Any]:
    return {"name": name, "hosting": "ch", **rest}


FR = {"fr": {"datacenter": "dc1", "url": "https://fr.example"}}
BIG = "c" * 54

ERRORS: list[tuple[str, dict[str, Any], str, str]] = [
    # hostings
    ("url with a path", {"hostings": {"ch": {"url": "https://ch.example/x"}}}, "hostings.ch.url", "without a path"),
    ("url with a slash", {"hostings": {"ch": {"url": "https://ch.example/"}}}, "hostings.ch.url", "without a path"),
    ("url of ftp", {"hostings": {"ch": {"url": "ftp://ch.example"}}}, "hostings.ch.url", "http(s)://host"),
    ("no url", {"hostings": {"ch": {"url": ""}}}, "hostings.ch.url", "http(s)://host"),
    ("url with a user", {"hostings": {"ch": {"url": "https://a:b@ch.example"}}}, "hostings.ch.url", "http(s)://host"),
    ("hosting without cores", {"hostings": FR}, "hostings.fr", "has no core"),
    (
        "datacenter of a hosting",
        {"hostings": {"ch": {"datacenter": "dc2"}}},
        "hostings.ch.datacenter",
        "did you mean dc1",
    ),
    # cores
    (
        "unknown hosting",
        {"cores": [one("co1"), one("x", hosting="hc")]},
        "cores[1].hosting",
        "there is no hosting 'hc'",
    ),
    ("name twice", {"cores": [one("co1"), one("co1")]}, "cores[1].name", "at cores[0] already"),
    ("name in two ranges", {"cores": [one("co[1-9]"), one("co[5-12]")]}, "cores[1].name", "co5 (and 4 more)"),
    ("name twice in a range", {"cores": [one("co[1-3,2]")]}, "cores[0].name", "in its own range"),
    ("address twice", {"cores": [one("a1", ip="203.0.113.1"), one("b2", ip="203.0.113.1")]}, "cores[1].ip", "of a1"),
    ("name ends another", {"cores": [one("co1"), one("eu-co1")]}, "cores[1].name", "ends in that of the core co1"),
    ("names end others", {"cores": [one("[1-20]")]}, "cores[0].name", "more such pairs"),
    ("job name too long", {"cores": [one(BIG)]}, "cores[0].name", "has 64 characters"),
    ("reserved name", {"cores": [one("reg")]}, "cores[0].name", "needs reg.pryv.example for itself"),
    ("reserved name in a range", {"cores": [one("dns[1-3]")]}, "cores[0].name", "needs dns1.pryv.example"),
    (
        "name of a custom entry",
        {"settings": {"DNS_CUSTOM_ENTRIES": {"co2": {"ip": "203.0.113.9"}}}},
        "cores[0].name",
        "DNS_CUSTOM_ENTRIES has an entry for co2.pryv.example",
    ),
    ("external without address", {"cores": [one("co1", external=True)]}, "cores[0]", "needs its address"),
    (
        "two on a node",
        {"cores": [one("a1", node="n1"), one("b2", node="n1")]},
        "cores[1].node",
        "ports 80 and 443 clash",
    ),
    ("a range on a node", {"cores": [one("co[1-2]", node="n1")]}, "cores[0].node", "one core a node"),
    # machines
    (
        "datacenter of the static site",
        {"static": {"datacenter": "dc9"}},
        "static.datacenter",
        "not among the datacenters",
    ),
    (
        "datacenter of the replica",
        {"registry": {"replica": {"datacenter": "x"}}},
        "registry.replica.datacenter",
        "not among",
    ),
    ("one machine, three cores", {"platform": {"single_machine": True}}, "platform.single_machine", "one core, not 3"),
    (
        "one machine and a replica",
        {"platform": {"single_machine": True}, "cores": [one("co1")], "registry": {"replica": {}}},
        "registry.replica",
        "no replica",
    ),
    (
        "one machine outside",
        {"platform": {"single_machine": True}, "cores": [one("co1", external=True, ip="203.0.113.1")]},
        "platform.single_machine",
        "cannot be external",
    ),
    (
        "registry on a core's node",
        {"cores": [one("co1", node="n1")], "registry": {"node": "n1"}},
        "registry.node",
        "also that of co1",
    ),
    (
        "replica at the registry's address",
        {"registry": {"ip": "203.0.113.1", "replica": {"ip": "203.0.113.1"}}},
        "registry.replica.ip",
        "also that of registry",
    ),
    # images and resources
    (
        "override of nothing",
        {"images": {"overrides": {"mongod": "a/b:1"}}},
        "images.overrides.mongod",
        "did you mean mongodb",
    ),
    ("override of an odd key", {"images": {"overrides": {"a b": "a/b:1"}}}, 'images.overrides["a b"]', "no component"),
    ("override with no image", {"images": {"overrides": {"core": "a b:1"}}}, "images.overrides.core", "not an image"),
    ("override in capitals", {"images": {"overrides": {"core": "Pryv/Core"}}}, "images.overrides.core", "not an image"),
    ("registry with a scheme", {"images": {"registry": "https://mirror"}}, "images.registry", "not an image registry"),
    ("own image", {"images": {"pryv_nomad": "a b"}}, "images.pryv_nomad", "not an image"),
    ("resources of nothing", {"resources": {"cor": {"cpu": 1}}}, "resources.cor", "did you mean core?"),
    ("a core's of nothing", {"cores": [one("a", resources={"x": {}})]}, "cores[0].resources.x", "has no component 'x'"),
    # sizes
    ("unknown node class", {"cores": [one("co1", node_class="big")]}, "cores[0].node_class", "no node class 'big'"),
    (
        "too large for its class",
        {"node_classes": {"tiny": {"cpu": 100, "memory": 90000}}, "cores": [one("co1", node_class="tiny")]},
        "cores[0]",
        "MHz of cpu; its class tiny has 100",
    ),
    (
        "too large in memory",
        {"node_classes": {"tiny": {"cpu": 90000, "memory": 64}}, "cores": [one("co1", node_class="tiny")]},
        "cores[0]",
        "MB of memory",
    ),
    ("limit below share", {"resources": {"mfa": {"memory": 200, "memory_max": 100}}}, "resources.mfa", "memory_max"),
    (
        "a core's limit below share",
        {"cores": [one("a", resources={"mongodb": {"memory_max": 100}})]},
        "cores[0].resources.mongodb",
        "less than its memory of 1024",
    ),
    # policies
    ("timers equal", {"update": {"min_healthy_time": "5m"}}, "update.healthy_deadline", "longer than min_healthy_time"),
    (
        "timers out of order",
        {"update": {"healthy_deadline": "1h"}},
        "update.progress_deadline",
        "longer than healthy_dead",
    ),
    (
        "a database that may not stop in time",
        {"lifecycle": {"kill_timeout": "90s"}},
        "lifecycle.kill_timeout",
        "10 times 90s to stop, longer than progress_deadline, which is 10m",
    ),
    ("vault without path", {"tls": {"source": "vault"}}, "tls", "needs vault_path"),
    (
        "vault with odd path",
        {"tls": {"source": "vault", "vault_path": '" }}'}},
        "tls.vault_path",
        "not a path in Vault",
    ),
    ("path without paths", {"tls": {"source": "path"}}, "tls", "needs certificate_path"),
    (
        "relative path",
        {"tls": {"source": "path", "certificate_path": "cert.pem", "key_path": "/k"}},
        "tls.certificate_path",
        "must begin with /",
    ),
    ("renewal without address", {"tls": {"acme": {"enabled": True}}}, "tls.acme", "needs the mail address"),
    ("renewal with odd address", {"tls": {"acme": {"enabled": True, "email": "me"}}}, "tls.acme.email", "mail address"),
    (
        "renewal with odd schedule",
        {"tls": {"acme": {"enabled": True, "email": "a@b.example", "schedule": "daily"}}},
        "tls.acme.schedule",
        "five fields",
    ),
    (
        "renewal into Vault",
        {"tls": {"source": "vault", "vault_path": "a/b", "acme": {"enabled": True, "email": "a@b.example"}}},
        "tls.acme",
        "cannot write to source vault",
    ),
    (
        "renewal without dns",
        {"tls": {"acme": {"enabled": True, "email": "a@b.example"}}, "registry": {"dns": {"enabled": False}}},
        "tls.acme",
        "dns, which is off",
    ),
    (
        "a CSI volume for two",
        {"volumes": {"mongodb_data": {"type": "csi", "source": "data"}}},
        "cores[0]",
        "share the CSI volume data",
    ),
    # platform variables
    (
        "name server without address",
        {"settings": {"NAME_SERVER_ENTRIES": [{"name": "a.example", "ip": "nowhere"}]}},
        "settings.NAME_SERVER_ENTRIES[0].ip",
        "'nowhere' is not an IP address",
    ),
    ("root record", {"settings": {"DNS_ROOT_DOMAIN_A_RECORD": "x"}}, "settings.DNS_ROOT_DOMAIN_A_RECORD", "not an IP"),
    (
        "custom entry that is text",
        {"settings": {"DNS_CUSTOM_ENTRIES": {"w": "x"}}},
        "settings.DNS_CUSTOM_ENTRIES.w",
        "must be a map",
    ),
    (
        "mails without mail",
        {"settings": {"EMAIL_ACTIVATION": {"welcome": True}}, "registry": {"mail": {"enabled": False}}},
        "settings.EMAIL_ACTIVATION",
        "registry.mail is off",
    ),
    ("rotation of nothing", {"secrets": {"generations": {"X": 1}}}, "secrets.generations.X", "there is no such secret"),
]


@pytest.mark.parametrize(("sections", "path", "says"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS])
def test_an_error_is_found_with_its_place(tmp_path: Path, sections: dict[str, Any], path: str, says: str) -> None:
    found = [finding for finding in findings_of(tmp_path, **sections) if finding.severity == "error"]
    matching = [
        finding.problem
        for finding in found
        if finding.problem.path == path and says in finding.problem.text + finding.problem.remedy
    ]
    assert matching, [str(finding) for finding in found]
    assert "cluster.yml:1:" in matching[0].where
    with pytest.raises(ClusterFileError):
        check(load(tmp_path, **sections))


WARNINGS: list[tuple[str, dict[str, Any], str, str]] = [
    ("private address of a core", {"cores": [one("co1", ip="10.1.2.3")]}, "cores[0].ip", "private address"),
    ("private address of the registry", {"registry": {"ip": "192.168.0.1"}}, "registry.ip", "private address"),
    ("loopback", {"static": {"ip": "127.0.0.1"}}, "static.ip", "private address"),
    ("private v6", {"static": {"ip": "fd00::1"}}, "static.ip", "private address"),
    ("redis in public", {"registry": {"private_ip": "203.0.113.1"}}, "registry.private_ip", "no authentication"),
    ("backends in public", {"network": {"allow_public_backends": True}}, "network.allow_public_backends", "firewall"),
    (
        "mails without server",
        {"settings": {"EMAIL_ACTIVATION": {"welcome": True}}},
        "settings.EMAIL_ACTIVATION",
        "SMTP",
    ),
    (
        "a credential for the SMS service",
        {"settings": {"MFA_ENDPOINTS": {"single": {"headers": {"Authorization": "Bearer x"}}}}},
        "settings.MFA_ENDPOINTS.single.headers.Authorization",
        "stands in the job specs",
    ),
    (
        "a credential in the mail server's url",
        {"settings": {"EMAIL_SMTP_SETTINGS": {"url": "smtp://a:b@smtp.example"}}},
        "settings.EMAIL_SMTP_SETTINGS.url",
        "stands in the job specs",
    ),
    ("redis of a core", {"cores": [one("a", volumes={"redis_data": "x"})]}, "cores[0].volumes.redis_data", "no redis"),
]


@pytest.mark.parametrize(("sections", "path", "says"), [row[1:] for row in WARNINGS], ids=[row[0] for row in WARNINGS])
def test_a_warning_stops_nothing(tmp_path: Path, sections: dict[str, Any], path: str, says: str) -> None:
    cluster = load(tmp_path, **sections)
    (warning,) = check(cluster)
    assert (warning.severity, warning.problem.path) == ("warning", path)
    assert says in str(warning)


SOUND: list[tuple[str, dict[str, Any]]] = [
    ("the smallest file", {}),
    ("urls with a port", {"hostings": {"ch": {"url": "http://ch.example:8080"}}}),
    ("url of an address", {"hostings": {"ch": {"url": "https://[2001:db8::1]"}}}),
    ("co1 and co10", {"cores": [one("co[1-100]")]}),
    ("co and co-eu", {"cores": [one("co"), one("co-eu")]}),
    ("the longest name", {"cores": [one("c" * 53)]}),
    ("a long name outside Nomad", {"cores": [one("c" * 60, external=True, ip="203.0.113.1")]}),
    ("a reserved word inside a name", {"cores": [one("reg-1"), one("sw1")]}),
    ("two cores on two nodes", {"cores": [one("a1", node="n1"), one("b2", node="n2")]}),
    (
        "an external core at a node of another",
        {"cores": [one("a1", node="n1"), one("b2", external=True, ip="203.0.113.1")]},
    ),
    ("an image by digest", {"images": {"overrides": {"core": "r.example:5000/a/b__c:v1@sha256:" + "0" * 64}}}),
    ("a mirror with a folder", {"images": {"registry": "mirror.example:5000/hub"}}),
    ("a CSI volume each", {"volumes": {"mongodb_data": {"type": "csi", "source": "data-{core}"}}}),
    ("renewal", {"tls": {"acme": {"enabled": True, "email": "a@b.example", "schedule": "*/5 3,4 * JAN-MAR MON"}}}),
    ("certificates in Vault", {"tls": {"source": "vault", "vault_path": "secret/data/pryv/tls"}}),
    ("certificates on the machines", {"tls": {"source": "path", "certificate_path": "/c.pem", "key_path": "/k.pem"}}),
    ("one machine", {"platform": {"single_machine": True}, "cores": [one("co1")]}),
    (
        "one machine with one address",
        {
            "platform": {"single_machine": True},
            "cores": [one("co1", ip="203.0.113.1", node="n1")],
            "registry": {"ip": "203.0.113.1", "node": "n1"},
        },
    ),
    ("a rotation", {"secrets": {"generations": {"CORE_SYSTEM_KEY": 2}}}),
    (
        "timers in order",
        {
            "update": {"min_healthy_time": "500ms", "healthy_deadline": "1s", "progress_deadline": "1m1s"},
            "lifecycle": {"kill_timeout": "6s"},
        },
    ),
    (
        "mails through sendmail",
        {"settings": {"EMAIL_ACTIVATION": {"welcome": True}, "EMAIL_SENDMAIL_SETTINGS": {"active": True}}},
    ),
    (
        "custom entries",
        {"settings": {"DNS_CUSTOM_ENTRIES": {"a": {"ip": "203.0.113.1"}, "b": {"alias": [{"name": "a.DOMAIN"}]}}}},
    ),
]


@pytest.mark.parametrize("sections", [row[1] for row in SOUND], ids=[row[0] for row in SOUND])
def test_nothing_is_found_where_nothing_is_wrong(tmp_path: Path, sections: dict[str, Any]) -> None:
    assert [str(finding) for finding in findings_of(tmp_path, **sections)] == []


def test_everything_is_found_at_once(tmp_path: Path) -> None:
    sections = {
        "hostings": FR,
        "update": {"min_healthy_time": "1h"},
        "images": {"registry": "a b"},
        "static": {"ip": "10.0.0.1"},
    }
    found = findings_of(tmp_path, **sections)
    assert [finding.severity for finding in found] == ["error", "error", "error", "warning"]


def test_thousands_of_clashes_are_one_finding(tmp_path: Path) -> None:
    found = findings_of(tmp_path, cores=[one("co[1-4000]"), one("co[1-4000]")])
    assert len(found) == 1
    assert "co1 (and 3999 more)" in str(found[0])
