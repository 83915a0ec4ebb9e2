"""Terraform and OpenTofu on this machine, offline: no registry, no check-point, providers out of plugin folders."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
TERRAFORM = ROOT / "terraform"
HOSTS = {"terraform": "registry.terraform.io", "tofu": "registry.opentofu.org"}
"""Where each looks for a provider that names no host: the first folder below a plugin folder."""

PROGRAMS = [name for name in HOSTS if shutil.which(name)]
MODULES = sorted(path.parent for path in TERRAFORM.glob("*/*/versions.tf"))


def plugin_folders() -> list[Path]:
    """Folders that may hold providers as HOST/NAMESPACE/NAME/VERSION/PLATFORM; PRYV_TF_PLUGINS names more."""
    named = [Path(name) for name in os.environ.get("PRYV_TF_PLUGINS", "").split(os.pathsep) if name]
    usual = ["~/.terraform.d/plugins", "/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins"]
    return [*named, *(Path(name).expanduser() for name in usual), Path("/opt/tf-plugins")]


def required(module: Path) -> set[str]:
    """The providers (`hashicorp/aws`) that a module and the modules it calls need."""
    text = "".join(file.read_text() for file in module.glob("*.tf"))
    called = [module / source for source in re.findall(r'source\s*=\s*"(\.\.?/[^"]+)"', text)]
    return set(re.findall(r'source\s*=\s*"(\w+/\w+)"', text)).union(*(required(each) for each in called))


def provider_folder(name: str) -> Path | None:
    """Where a provider's versions lie on this machine."""
    found = (host / name for folder in plugin_folders() if folder.is_dir() for host in sorted(folder.iterdir()))
    return next((folder for folder in found if folder.is_dir()), None)


def missing(module: Path) -> list[str]:
    """The providers of a module that this machine lacks."""
    return sorted(name for name in required(module) if provider_folder(name) is None)


@dataclass(frozen=True)
class Tool:
    """One of the two programs, with a configuration and a copy of the modules of its own in `folder`."""

    program: str
    folder: Path

    def prepare(self, providers: Iterable[str] = ()) -> Path:
        """Lay out the copy and the providers; returns the copy of `terraform/`."""
        mirror = self.folder / "mirror"
        for name in providers:
            place = mirror / HOSTS[self.program] / name
            found = provider_folder(name)
            assert found is not None
            for platform in found.glob("*/*/"):  # only the last folder may be a link
                (place / platform.parent.name).mkdir(parents=True, exist_ok=True)
                (place / platform.parent.name / platform.name).symlink_to(platform.resolve())
        mirror.mkdir(parents=True, exist_ok=True)
        (self.folder / "cli.tfrc").write_text(
            f'disable_checkpoint = true\nprovider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n'
        )
        ignored = shutil.ignore_patterns(".terraform*", "*.tfstate*")
        return Path(shutil.copytree(TERRAFORM, self.folder / "terraform", ignore=ignored))

    def run(self, folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        """One command in `folder`. Never raises for an exit code."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "NOMAD_", "CONSUL_"))}
        ours = {
            "TF_CLI_CONFIG_FILE": str(self.folder / "cli.tfrc"),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
            "CHECKPOINT_DISABLE": "1",
            "HOME": str(self.folder),
        }
        return subprocess.run(
            [self.program, *arguments],
            cwd=folder,
            env={**kept, **ours, **env},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    def ok(self, folder: Path, *arguments: str, **env: str) -> str:
        """One command that must succeed; what it printed."""
        done = self.run(folder, *arguments, **env)
        assert done.returncode == 0, done.stdout
        return done.stdout
