"""What each job says to Nomad, so that an update, a lost node or a wiped Consul does what the design promises."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from pryv_nomad import __version__
from pryv_nomad.errors import SpecError
from pryv_nomad.specs.render import Spec, render
from tests.specs.reading import groups, job, task, tasks, template, written
from tests.specs.rendered import SMALLEST, cluster, example

SECOND = 1_000_000_000


@cache
def specs(*sets: str, migrating: bool = False) -> dict[str, Spec]:
    return {spec.job_id: spec for spec in render(cluster(SMALLEST, *sets), migrating=migrating)}


def ports(group: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Each port of a group by its label."""
    networks = group.get("Networks") or []
    found = [*(port for net in networks for key in ("ReservedPorts", "DynamicPorts") for port in net.get(key) or ())]
    return {port["Label"]: port for port in found}


def test_a_core_is_pinned_to_the_node_that_carries_its_name() -> None:
    for kind in ("data", "core", "edge"):
        pin = job(specs()[f"pryv-{kind}-co2"])["Constraints"][0]
        assert (pin["LTarget"], pin["Operand"], pin["RTarget"]) == ("${meta.pryv_core}", "=", "co2")


def test_a_core_of_a_named_node_is_pinned_to_that_node() -> None:
    found = {spec.job_id: spec for spec in render(example("two-hostings"))}
    pin = job(found["pryv-data-co4"])["Constraints"][0]
    assert (pin["LTarget"], pin["RTarget"]) == ("${node.unique.name}", "paris-1")


def test_a_machine_may_have_several_roles() -> None:
    pin = job(specs()["pryv-registry"])["Constraints"][0]
    assert (pin["LTarget"], pin["Operand"], pin["RTarget"]) == ("${meta.pryv_role}", "set_contains", "registry")


def test_only_api_has_a_canary_and_only_it_says_auto_promote() -> None:
    for spec in specs("update.auto_promote=true").values():
        for name, group in groups(spec).items():
            expected = {"Canary": 1, "AutoPromote": True} if name == "api" else {}
            said = {key: value for key, value in group["Update"].items() if key in ("Canary", "AutoPromote")}
            assert said == expected


def test_a_canary_is_found_by_nobody_before_it_is_promoted() -> None:
    for service in groups(specs()["pryv-core-co1"])["api"]["Services"]:
        assert service["Tags"] == ["co1"]
        assert service["CanaryTags"] == ["co1-canary"]


def test_a_migrating_change_has_neither_canary_nor_revert() -> None:
    update = groups(specs(migrating=True)["pryv-core-co1"])["api"]["Update"]
    assert not update.get("Canary")
    assert update["AutoRevert"] is False


def test_databases_never_go_back_by_themselves_and_get_time_to_stop() -> None:
    found = specs()
    for name, group in (("pryv-data-co1", "mongodb"), ("pryv-data-co1", "influxdb"), ("pryv-redis", "redis")):
        assert groups(found[name])[group]["Update"]["AutoRevert"] is False
        assert task(found[name], group)["KillTimeout"] == 300 * SECOND
    assert groups(found["pryv-core-co1"])["hfs"]["Update"]["AutoRevert"] is True


def test_all_but_the_edges_and_dns_listen_on_the_private_network() -> None:
    for spec in specs().values():
        for name, group in groups(spec).items():
            public = name in ("edge", "dns")
            networks = {port.get("HostNetwork", "") for port in ports(group).values()}
            assert networks <= ({""} if public else {"private"})


def test_opting_out_of_the_private_network_is_explicit() -> None:
    found = specs("network.allow_public_backends=true", "network.public=public")
    assert {port.get("HostNetwork") for port in ports(groups(found["pryv-data-co1"])["mongodb"]).values()} == {""}
    assert {port["HostNetwork"] for port in ports(groups(found["pryv-edge-co1"])["edge"]).values()} == {"public"}


def test_static_ports_are_those_that_others_know() -> None:
    found = specs()
    static = {
        port["Label"]: (port["Value"], port["To"])
        for spec in found.values()
        for group in groups(spec).values()
        for port in ports(group).values()
        if port.get("Value")
    }
    assert static == {
        "mongodb_mongodb": (27017, 27017),
        "influxdb_http": (8086, 8086),
        "redis_redis": (6379, 6379),
        "dns_dns": (53, 5353),
        "nginx_http": (80, 80),
        "nginx_https": (443, 443),
    }


def test_each_process_of_core_has_its_port_and_its_instance() -> None:
    api = groups(specs("cores[0].procs=3")["pryv-core-co1"])["api"]
    assert [port["To"] for port in ports(api).values()] == [3000, 3001, 3002, 4222]
    instances = [service["PortLabel"] for service in api["Services"] if service["Name"] == "pryv-core-api"]
    assert instances == ["core_api_0", "core_api_1", "core_api_2"]
    assert api["Tasks"][0]["Env"]["NUM_PROCS"] == "3"


def test_a_core_reaches_its_databases_without_consul() -> None:
    file = template(task(specs()["pryv-core-co1"], "core"), "core.yml")
    assert "{{ service" not in file["EmbeddedTmpl"]
    assert 'host: "{{ env "NOMAD_HOST_IP_core_api_0" }}"' in file["EmbeddedTmpl"]
    assert file["ChangeMode"] == "noop"


def test_whoever_follows_nats_keeps_its_address_when_consul_has_none() -> None:
    for name, file in (("hfs", "hfs.yml"), ("preview", "preview.yml"), ("webhooks", "webhooks.yml")):
        found = template(task(specs()["pryv-core-co3"], name), file)
        assert 'service "co3.pryv-nats|any"' in found["EmbeddedTmpl"]
        assert '{{ key "pryv-nomad/hold" }}' in found["EmbeddedTmpl"]
        assert found["ChangeMode"] == "restart"


def test_a_task_with_several_files_restarts_once_for_all() -> None:
    hfs = task(specs()["pryv-core-co1"], "hfs")
    modes = {file["DestPath"]: (file["ChangeMode"], file["Wait"]["Min"] // SECOND) for file in hfs["Templates"]}
    assert modes == {"local/conf/hfs.yml": ("restart", 15), "local/conf/metadata.hjson": ("noop", 5)}


def test_upstreams_reload_nginx_before_a_stopping_instance_is_gone() -> None:
    found = specs()
    file = template(task(found["pryv-edge-co1"], "nginx"), "site-upstreams.conf")
    assert (file["ChangeMode"], file["ChangeSignal"], file["Splay"]) == ("signal", "SIGHUP", 0)
    assert file["Wait"] == {"Min": 2 * SECOND, "Max": 10 * SECOND}
    assert groups(found["pryv-core-co1"])["api"]["ShutdownDelay"] == 5 * SECOND


def test_the_replica_s_name_server_waits_for_the_primary() -> None:
    found = {spec.job_id: spec for spec in render(example("two-hostings"))}
    primary = template(task(found["pryv-dns"], "dns"), "dns.json")["Wait"]
    replica = template(task(found["pryv-dns-replica"], "dns"), "dns.json")["Wait"]
    assert replica["Min"] > primary["Max"]


def test_a_missing_secret_is_an_error_in_every_file_that_holds_one() -> None:
    count = 0
    for spec in specs("images.credentials={}").values():
        for _, each in tasks(spec):
            for file in each.get("Templates") or []:
                if "nomadVar" in file["EmbeddedTmpl"]:
                    count += 1
                    assert file["ErrMissingKey"] is True
                    assert file["Perms"] == "0400"
                    assert file["DestPath"].startswith("secrets/")
    assert count > 10


def test_certificates_reload_by_signal_one_edge_after_the_other() -> None:
    for path in ("secret/pryv.example-bundle.crt", "secret/pryv.example-key.pem"):
        file = template(task(specs()["pryv-edge-co1"], "nginx"), path)
        assert (file["ChangeMode"], file["Splay"]) == ("signal", 60 * SECOND)


def test_certificates_of_the_machine_are_mounted_as_folders() -> None:
    sets = ("tls.source=path", "tls.certificate_path=/etc/pryv/tls/a.crt", "tls.key_path=/etc/pryv/key/a.key")
    nginx = task(specs(*sets)["pryv-edge-co1"], "nginx")
    mounts = {mount["source"]: mount["target"] for mount in nginx["Config"]["mount"]}
    assert mounts["/etc/pryv/tls"] == "/app/tls"
    assert mounts["/etc/pryv/key"] == "/app/tls-key"
    conf = template(nginx, "nginx.conf")["EmbeddedTmpl"]
    assert 'ssl_certificate "/app/tls/a.crt";' in conf
    assert 'ssl_certificate_key "/app/tls-key/a.key";' in conf


def test_certificates_of_vault_come_with_its_policies() -> None:
    sets = ("tls.source=vault", "tls.vault_path=secret/data/pryv/tls", "tls.vault_policies=[pryv-tls]")
    nginx = task(specs(*sets)["pryv-edge-co1"], "nginx")
    assert nginx["Vault"]["Policies"] == ["pryv-tls"]
    file = template(nginx, "secret/pryv.example-key.pem")
    assert '{{ with secret "secret/data/pryv/tls" }}{{ .Data.data.key }}{{ end }}' in file["EmbeddedTmpl"]


def test_pull_credentials_are_named_and_never_said() -> None:
    config = task(specs("images.credentials={}")["pryv-data-co1"], "mongodb")["Config"]
    assert config["auth"] == [{"username": "${IMAGE_REGISTRY_USERNAME}", "password": "${IMAGE_REGISTRY_PASSWORD}"}]


def test_core_hfs_preview_and_webhooks_share_one_data_folder() -> None:
    found = groups(specs("volumes.core_data=data-{core}")["pryv-core-co2"])
    for name in ("api", "hfs", "workers"):
        assert found[name]["Volumes"]["core_data"]["Source"] == "data-co2"
    assert {mount["Volume"] for mount in found["workers"]["Tasks"][1]["VolumeMounts"]} == {"core_data"}


def test_csi_volumes_say_how_they_are_attached() -> None:
    volumes = groups(specs("volumes.mongodb_data={type: csi, source: 'm-{core}'}")["pryv-data-co1"])["mongodb"][
        "Volumes"
    ]
    assert volumes["mongodb_data"]["Source"] == "m-co1"
    assert volumes["mongodb_data"]["AccessMode"] == "single-node-writer"
    assert volumes["mongodb_data"]["AttachmentMode"] == "file-system"


@pytest.mark.parametrize(("version", "block"), [("1.6", "MaxClientDisconnect"), ("2.0", "Disconnect")])
def test_a_lost_node_starts_no_second_database(version: str, block: str) -> None:
    for spec in specs(f"nomad.version='{version}'").values():
        for group in groups(spec).values():
            assert group[block] in (12 * 3600 * SECOND, group.get("Disconnect"))
    if version == "2.0":
        disconnect = groups(specs("nomad.version='2.0'")["pryv-data-co1"])["mongodb"]["Disconnect"]
        assert disconnect["Replace"] is False


def test_log_settings_alone_replace_nothing() -> None:
    before, after = specs(), specs("logs.max_file_size=20")
    for name, spec in before.items():
        for group, facts in groups(spec).items():
            assert facts["EphemeralDisk"] == groups(after[name])[group]["EphemeralDisk"]


def test_large_logs_still_fit_their_folder() -> None:
    disk = groups(specs("logs.max_file_size=1000")["pryv-core-co1"])["workers"]["EphemeralDisk"]
    assert disk["SizeMB"] > 2 * 10 * 1000


def test_checks_are_of_a_kind_that_nomad_has() -> None:
    found = specs()
    kinds = {
        service["Name"]: [check["Type"] for check in service.get("Checks") or ()]
        for spec in found.values()
        for group in groups(spec).values()
        for service in group.get("Services") or ()
    }
    assert kinds == {
        "pryv-core-api": ["http"],
        "pryv-nats": [],
        "pryv-hfs": ["http"],
        "pryv-preview": ["tcp"],
        "pryv-mfa": ["tcp"],
        "pryv-mongodb": ["tcp"],
        "pryv-influxdb": ["http"],
        "pryv-edge": ["tcp"],
        "pryv-redis": ["script"],
        "pryv-dns": ["script"],
        "pryv-register": ["http"],
        "pryv-mail": ["tcp"],
        "pryv-app-web-auth3": ["http"],
    }


def test_the_name_server_is_asked_for_the_platform_s_own_name() -> None:
    check = groups(specs()["pryv-dns"])["dns"]["Services"][0]["Checks"][0]
    assert check["TaskName"] == "dns"
    assert "reg.pryv.example" in check["Args"][-1]


def test_what_failed_is_tried_again_where_it_is() -> None:
    for spec in specs().values():
        assert job(spec)["Constraints"]
        for group in groups(spec).values():
            assert group["ReschedulePolicy"]["Unlimited"] is True
            assert group["RestartPolicy"]["Mode"] == "delay"


RENEWED = "tls.acme={enabled: true, email: ops@pryv.example, schedule: 5 4 * * 1}"


def test_the_certificate_s_renewal_is_off_by_default_and_changes_nothing_but_dns() -> None:
    usual, renewed = specs(), specs(RENEWED)
    assert renewed.keys() - usual.keys() == {"pryv-certificate"}
    assert [name for name, spec in usual.items() if renewed[name].hash != spec.hash] == ["pryv-dns"]


def test_the_renewal_is_a_periodic_batch_job_that_never_overlaps() -> None:
    made = job(specs(RENEWED)["pryv-certificate"])
    assert made["Type"] == "batch"
    assert {key: made["Periodic"][key] for key in ("Spec", "SpecType", "TimeZone", "ProhibitOverlap")} == {
        "Spec": "5 4 * * 1",
        "SpecType": "cron",
        "TimeZone": "UTC",
        "ProhibitOverlap": True,
    }
    assert groups(specs(RENEWED)["pryv-certificate"])["certificate"]["ReschedulePolicy"]["Attempts"] == 0


def test_the_renewal_runs_this_tool_with_its_own_identity_over_the_task_s_socket() -> None:
    run = task(specs(RENEWED)["pryv-certificate"], "certificate")
    assert run["Config"]["image"] == f"pryv-nomad:{__version__}"
    assert run["Config"]["args"][:2] == ["certificate", "renew"]
    assert run["Env"] == {"NOMAD_ADDR": "unix://${NOMAD_SECRETS_DIR}/api.sock"}
    assert run["Identity"]["Env"] is True


@pytest.mark.parametrize(
    ("sets", "image"),
    [
        ("images.registry=mirror.example", f"mirror.example/pryv-nomad:{__version__}"),
        ("images={registry: mirror.example, pryv_nomad: 'ours.example/tool:7'}", "ours.example/tool:7"),
    ],
)
def test_the_tool_s_image_is_the_cluster_file_s(sets: str, image: str) -> None:
    assert task(specs(RENEWED, sets)["pryv-certificate"], "certificate")["Config"]["image"] == image


def test_the_renewal_s_settings_name_the_name_servers_that_must_answer() -> None:
    for sets, expected in (("registry.replica=null", ["registry"]), ("registry.replica={}", ["registry", "replica"])):
        text = template(task(specs(RENEWED, sets)["pryv-certificate"], "certificate"), "certificate.json")
        settings = json.loads(text["EmbeddedTmpl"])
        assert settings["name_servers"] == expected
        assert settings["domain"] == "pryv.example"


def test_an_odd_address_reaches_the_renewal_unchanged() -> None:
    email = 'a"b{{c}}\\d@pryv.example'
    sets = f"tls.acme={json.dumps({'enabled': True, 'email': email})}"
    text = template(task(specs(sets)["pryv-certificate"], "certificate"), "certificate.json")["EmbeddedTmpl"]
    assert json.loads(written(text))["email"] == email


def test_vault_without_policies_is_refused_where_nomad_refuses_it() -> None:
    sets = ("tls.source=vault", "tls.vault_path=secret/data/pryv/tls")
    with pytest.raises(SpecError, match="policies"):
        specs(*sets)
    assert "Policies" not in task(specs(*sets, "nomad.version='2.0'")["pryv-edge-co1"], "nginx")["Vault"]
