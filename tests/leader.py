"""A config-leader folder as an operator has it: the published template, its blanks filled in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

CLUSTER = {
    "DOMAIN": "pryv.lab.example",
    "STATIC_WEB_IP_ADDRESS": "198.51.100.30",
    "REG_MASTER_IP_ADDRESS": "198.51.100.10",
    "REG_MASTER_VPN_IP_ADDRESS": "10.0.0.10",
    "REG_SLAVE_IP_ADDRESS": "198.51.100.20",
    "SINGLE_MACHINE_IP_ADDRESS": "198.51.100.40",
    "REGISTER_ADMIN_KEY": "AdminKeyAdminKeyAdminKey",
    "PLATFORM_NAME": "Pryv Lab",
    "LICENSE_NAME": "Pryv Lab licence",
    "SUPPORT_URL": "mailto:support@lab.example",
    "TERMS_OF_USE_URL": "https://lab.example/terms",
    "DNS_ROOT_DOMAIN_A_RECORD": "198.51.100.30",
    "co1": "203.0.113.1",
    "co2": "203.0.113.2",
    "test": "203.0.113.9",
    "acme": "ops@lab.example",
}


def reference() -> Path:
    """The published configuration of 1.9.2, where this machine has it."""
    checkout = Path(__file__).resolve().parents[1]
    return Path(os.environ.get("PRYV_REFERENCE", checkout.parent / "shared" / "reference")) / "pryv.io-1.9.2"


def fill_in(text: str) -> str:
    """The platform template with every REPLACE_ME replaced by what stands for its variable."""
    name, lines = "", []
    for line in text.splitlines():
        word = line.strip().rstrip(":")
        name = word if word in CLUSTER and line.rstrip().endswith(":") else name
        if "REPLACE_ME-dns" in line:
            line = line.replace("REPLACE_ME-", "ns-").replace("REPLACE_ME", "lab.example")
        if "REPLACE_ME" in line:
            key = word.partition(":")[0]
            smtp = {"host": "smtp.lab.example", "port": "587", "user": "mailer", "pass": 'p\'ass "word" {{ x }}'}
            sender = {"name": "Pryv Lab", "address": "noreply@lab.example"}
            value = smtp.get(key) or sender.get(key) or CLUSTER[name]
            line = line.replace("REPLACE_ME", value if key != "pass" else "'" + value.replace("'", "''") + "'")
        lines.append(line)
    return "\n".join(lines) + "\n"


def filled_in(source: Path, root: Path) -> Path:
    """A copy of a published config-leader folder at `root`, its blanks filled in."""
    shutil.copytree(source, root, copy_function=shutil.copyfile)
    for folder in [root, *(path for path in root.rglob("*") if path.is_dir())]:
        folder.chmod(0o755)
    platform = fill_in((root / "conf/template-platform.yml").read_text())
    (root / "conf/platform.yml").write_text(platform)
    secrets = (root / "conf/template-config-leader.json").read_text()
    for number, key in enumerate(
        (
            "SSO_COOKIE_SIGN_SECRET",
            "FILES_READ_TOKEN_SECRET",
            "CORE_SYSTEM_KEY",
            "CORE_MAIL_KEY",
            "REGISTER_SYSTEM_KEY_1",
        )
    ):
        secrets = secrets.replace(f'"{key}": "REPLACE_ME"', f'"{key}": "Internal{number}Internal{number}Internal"')
    (root / "conf/config-leader.json").write_text(secrets)
    acme = root / "ssl/conf/ssl-certificate.yml"
    acme.write_text(acme.read_text().replace("REPLACE_ME", CLUSTER["acme"]))
    return root


@pytest.fixture
def leader_folder(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a filled-in config-leader folder of a layout, `cluster` or `single-node`."""

    def make(layout: str) -> Path:
        source = reference() / layout / "config-leader"
        if not source.is_dir():
            pytest.skip(f"the published configuration is not here ({source}); PRYV_REFERENCE names its folder")
        return filled_in(source, tmp_path / layout)

    return make
