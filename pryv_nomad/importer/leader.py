"""What stands in a config-leader folder: platform variables, secrets, the docker-compose file of each role.

Layout (config-template-pryv.io 1.9.2): `conf/platform.yml` (or `conf/template-platform.yml`, when it was filled in
directly), `conf/config-leader.json` (or its template), `data/ROLE/pryv.yml` with the role's other files beside it,
`ssl/conf/ssl-certificate.yml`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pryv_nomad.errors import ImportFolderError

PLACEHOLDER = "REPLACE_ME"
"""The word that stands for "not filled in" in the original's templates."""


@dataclass(frozen=True)
class LeaderFolder:
    """A config-leader folder as read.

    `variables`: platform variable → value. `internals`: the secrets that config-leader made, by key. `compose`: role →
    service → its docker-compose mapping. `digests`: file below `data/` → SHA-256 of its content. `acme_email`: contact
    of the ssl-certificate component, empty where there is none. `followers`: names of the follower entries.
    """

    root: Path
    variables: Mapping[str, Any]
    internals: Mapping[str, str]
    compose: Mapping[str, Mapping[str, Mapping[str, Any]]]
    digests: Mapping[str, str]
    acme_email: str = ""
    followers: tuple[str, ...] = field(default=())

    @property
    def single_machine(self) -> bool:
        """Whether this is the single-node layout."""
        return "SINGLE_MACHINE_IP_ADDRESS" in self.variables


def read_folder(root: Path) -> LeaderFolder:
    """Read a config-leader folder. Raises ImportFolderError naming the file that is missing or cannot be read."""
    if not root.is_dir():
        raise ImportFolderError(f"{root}: not a folder", "name the config-leader folder of the platform")
    platform = _first(root, "conf/platform.yml", "conf/template-platform.yml")
    leader = _first(root, "conf/config-leader.json", "conf/template-config-leader.json")
    settings = _load_json(leader)
    return LeaderFolder(
        root=root,
        variables=dict(_variables(platform, _load_yaml(platform))),
        internals={str(key): str(value) for key, value in dict(settings.get("internals") or {}).items()},
        compose={path.parent.name: _services(path) for path in sorted(root.glob("data/*/pryv.yml"))},
        digests={str(path.relative_to(root / "data")): digest(path) for path in _files(root / "data")},
        acme_email=_acme_email(root / "ssl/conf/ssl-certificate.yml"),
        followers=tuple(sorted(dict(settings.get("followers") or {}))),
    )


def digest(path: Path) -> str:
    """SHA-256 of a file's text with trailing blanks and line ends evened out, in hex."""
    lines = path.read_bytes().replace(b"\r\n", b"\n").strip().split(b"\n")
    return hashlib.sha256(b"\n".join(line.rstrip() for line in lines)).hexdigest()


def _first(root: Path, *names: str) -> Path:
    for name in names:
        if (root / name).is_file():
            return root / name
    raise ImportFolderError(
        f"{root}: has no {names[0]}", "name the folder that holds conf/, data/ and config-leader.yml of config-leader"
    )


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _load_yaml(path: Path) -> Any:
    import yaml

    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ImportFolderError(f"{path}: cannot be read: {_one_line(error)}") from error
    except yaml.YAMLError as error:
        # The library's own text quotes the line, and this file may hold secrets: give the place and the kind only.
        mark = getattr(error, "problem_mark", None)
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise ImportFolderError(f"{path}{place}: not YAML: {getattr(error, 'problem', 'malformed')}") from None


def _load_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ImportFolderError(f"{path}: cannot be read: {_one_line(error)}") from error
    except json.JSONDecodeError as error:
        # Never the text around the place: this file holds secrets.
        raise ImportFolderError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from None
    if not isinstance(content, dict):
        raise ImportFolderError(f"{path}: not a JSON object")
    return content


def _variables(path: Path, content: Any) -> Iterator[tuple[str, Any]]:
    groups = content.get("vars") if isinstance(content, dict) else None
    if not isinstance(groups, dict):
        raise ImportFolderError(f"{path}: has no `vars`", "this is not a platform.yml of config-leader")
    for group in groups.values():
        settings = group.get("settings") if isinstance(group, dict) else None
        for name, setting in (settings or {}).items():
            yield str(name), setting.get("value") if isinstance(setting, dict) else setting


def _services(path: Path) -> Mapping[str, Mapping[str, Any]]:
    content = _load_yaml(path)
    services = content.get("services") if isinstance(content, dict) else None
    if not isinstance(services, dict):
        raise ImportFolderError(f"{path}: has no `services`", "this is not a docker-compose file of config-leader")
    return {str(name): service for name, service in services.items() if isinstance(service, dict)}


def _acme_email(path: Path) -> str:
    if not path.is_file():
        return ""
    content = _load_yaml(path)
    email = dict(content.get("acme") or {}).get("email") if isinstance(content, dict) else None
    return str(email) if email and email != PLACEHOLDER else ""


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
