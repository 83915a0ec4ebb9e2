"""Every job text that the tests hold against a real Nomad: all examples, each variant of a template, odd strings.

`texts()` needs nothing but the templates; it yields (name, HCL, Nomad version), the job files a user would get.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.load import load_cluster
from pryv_nomad.specs.render import Spec, render

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"

SMALLEST = """\
platform: {domain: pryv.example, name: Pryv Lab}
release: 1.9.2
datacenters: [dc1]
hostings: {ch: {datacenter: dc1, url: "https://ch.example", name: Switzerland}}
cores: [{name: "co[1-3]", hosting: ch}]
"""

VARIANTS: dict[str, tuple[str, ...]] = {
    "smallest": (),
    "vault": ("tls.source=vault", "tls.vault_path=secret/data/pryv/tls", "tls.vault_policies=[pryv-tls]"),
    "path": ("tls.source=path", "tls.certificate_path=/etc/pryv/tls/a.crt", "tls.key_path=/etc/pryv/key/a.key"),
    "csi": ("volumes.mongodb_data={type: csi, source: 'mongo-{core}'}", "volumes.core_data={type: csi, source: data}"),
    "credentials": ("images.credentials={}", "images.registry=mirror.example:5000", "images.force_pull=true"),
    "canary": ("update.canary_weight=20", "update.auto_promote=true", "network.public=public"),
    "no-canary": ("update.canary=0", "network.allow_public_backends=true"),
    "admin": ("registry.admin_panel.enabled=true", "registry.mail.enabled=false", "registry.replica={}"),
    "line": ("registry.replica={ip: 203.0.113.20}", "registry.private_ip=10.0.0.1", "registry.node=reg-1"),
    "rotated": ("secrets.generations={CORE_SYSTEM_KEY: 2}",),
    "acme": ("tls.acme={enabled: true, email: ops@pryv.example}", "registry.replica={}", "images.credentials={}"),
    "acme-newer": ("tls.acme={enabled: true, email: ops@pryv.example}", "nomad.version='2.0'"),
    "bridge": ("bridge.enabled=true", "images.credentials={}", "network.public=public"),
    "newer": ("nomad.version='2.0'", "tls.source=vault", "tls.vault_path=secret/data/pryv/tls"),
}

ODD = (
    '"; }',
    "${attr.kernel.name} $${x} $$${ $",
    "%{ if true }%{endif} %%{ %",
    "{{ key `a` }} {{{ {{{{ }} {",
    '{{/* comment */}} {{- "trim" -}}',
    "EOT\nEOT\n  EOTT  \nEOT",
    "a\\n\\u0041 'single' \"double\" `tick`",
    "emoji 😀 é e\u0301 \u0301start \u2028 \x85",
    "tab\tcarriage\r\nbell\x07 delete\x7f nul\x00 one\x01core\x02",
    "#{USERNAME} //not a comment /* nor this */ # nor that",
    'variable "core" {\n}\njob "x" {',
    "[[ value ]] [% if x %] [# comment #]",
)
"""What a free text may be, and what each reader on the way would take for its own."""


def cluster(text: str = SMALLEST, *sets: str) -> Cluster:
    """The cluster that `text` describes."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "cluster.yml")
        file.write_text(text, encoding="utf-8")
        return load_cluster([file], sets, {})


def example(name: str) -> Cluster:
    """The cluster of `examples/NAME`."""
    return load_cluster([EXAMPLES / name / "cluster.yml"], (), {})


def with_text(cluster: Cluster, text: str) -> Cluster:
    """`cluster` with `text` as each of its free texts."""
    return replace(cluster, settings={**cluster.settings, **dict.fromkeys(FREE_TEXTS, text)})


FREE_TEXTS = (
    "PLATFORM_NAME",
    "TRUSTED_APPS",
    "SUPPORT_URL",
    "TERMS_OF_USE_URL",
    "PASSWORD_RESET_URL",
    "EVENT_TYPES_URL",
    "TEMPLATE_VERSION",
    "CUSTOM_AUTH_FUNCTION",
    "WELCOME_TEMPLATE_EN",
    "WELCOME_SUBJECT_EN",
    "RESET_PASSWORD_TEMPLATE_FR",
    "SSL_CAA_ISSUER",
)


def clusters() -> Iterator[tuple[str, Cluster]]:
    """All clusters under test, by name."""
    for name in ("single-machine-lab", "two-hostings", "fleet-1000"):
        yield name, example(name)
    for name, sets in VARIANTS.items():
        yield name, cluster(SMALLEST, *sets)
    plain = cluster()
    for number, text in enumerate(ODD):
        yield f"odd-{number}", with_text(plain, text)


def distinct(cluster: Cluster) -> Iterator[Spec]:
    """One spec of each shape: the other cores' texts differ in the variables' defaults only."""
    seen: set[int] = set()
    for spec in render(cluster):
        if id(spec.shape) not in seen:
            seen.add(id(spec.shape))
            yield spec


def texts() -> Iterator[tuple[str, str, str]]:
    """(name, HCL text, Nomad version) of every distinct job text."""
    for name, each in clusters():
        for spec in distinct(each):
            yield f"{name}/{spec.job_id}", spec.hcl, each.file.nomad.version
