"""What a cluster file asks for and a target cannot do is said; what nobody asked for is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pryv_nomad.exports.targets import exported
from tests.exports.platforms import cluster_data, loaded

ASKED: dict[str, dict[str, Any]] = {
    "lifecycle.disconnect": {"lifecycle": {"disconnect": "1h"}},
    "datacenters": {"datacenters": ["dc1", "dc2"]},
    "interface_ip": {"registry": {"ip": "192.0.2.1", "interface_ip": "10.0.0.9"}},
    "lifecycle.shutdown_delay": {"lifecycle": {"shutdown_delay": "9s"}},
    "lifecycle.restart": {"lifecycle": {"restart": {"attempts": 9}}},
    "lifecycle.kill_timeout": {"lifecycle": {"kill_timeout": "9s"}},
    "update.auto_promote": {"update": {"auto_promote": True}},
    "tls.source vault": {"tls": {"source": "vault", "vault_path": "secret/data/pryv/tls"}},
    "tls.source path": {"tls": {"source": "path", "certificate_path": "/a/b.crt", "key_path": "/a/b.key"}},
    "tls.acme": {"tls": {"acme": {"enabled": True, "email": "ops@pryv.example"}}},
    "constraints": {"constraints": [{"attribute": "${attr.cpu.arch}", "value": "amd64"}]},
    "images.credentials": {"images": {"credentials": {}}},
    "volumes": {"volumes": {"mongodb_data": {"type": "csi", "source": "x"}}},
    "bridge": {"bridge": {"enabled": True}},
    "logs": {"logs": {"max_files": 3}},
    "registry.register.instances": {"registry": {"ip": "192.0.2.1", "register": {"instances": 4}}},
}
EVERYWHERE = {
    *("bridge", "constraints", "images.credentials", "lifecycle.shutdown_delay", "tls.acme", "tls.source vault"),
    *("update.auto_promote", "volumes"),
}
SAID = {
    "compose": EVERYWHERE | {"lifecycle.restart", "lifecycle.kill_timeout", "registry.register.instances"},
    "swarm": EVERYWHERE | {"lifecycle.disconnect", "interface_ip", "datacenters"},
    "kubernetes": EVERYWHERE
    | {"datacenters", "lifecycle.disconnect", "interface_ip", "lifecycle.restart", "tls.source path", "logs"},
}


def limits(folder: Path, target: str, **sections: Any) -> tuple[str, ...]:
    return exported(loaded(folder, cluster_data(**sections)), target).limits


@pytest.mark.parametrize("target", sorted(SAID))
@pytest.mark.parametrize("setting", sorted(ASKED))
def test_what_was_asked_for_and_cannot_be_done_is_said(tmp_path: Path, target: str, setting: str) -> None:
    without = limits(tmp_path, target, registry={"ip": "192.0.2.1", "register": {"instances": 1}})
    found = [sentence for sentence in limits(tmp_path, target, **ASKED[setting]) if sentence not in without]
    assert any(sentence.startswith(setting) for sentence in found) == (setting in SAID[target]), found


@pytest.mark.parametrize("target", sorted(SAID))
def test_every_target_says_how_it_knows_the_cores_and_that_it_has_no_canary(tmp_path: Path, target: str) -> None:
    found = " ".join(limits(tmp_path, target))
    assert "a core that joins or leaves needs a new export" in found
    assert "there is no canary" in found


@pytest.mark.parametrize("target", sorted(SAID))
def test_each_file_that_starts_something_says_it_too(tmp_path: Path, target: str) -> None:
    made = exported(loaded(tmp_path, cluster_data(**ASKED["tls.acme"])), target)
    heads = [
        entry.text
        for path, entry in made.tree.items()
        if path.endswith(("pryv.yml", "workloads.yaml")) or (path.count("/") < 2 and path.endswith("co1.yml"))
    ]
    assert heads
    assert all(sentence in text for sentence in made.limits for text in heads)
