"""Nomad `template` blocks: configuration files, certificates and pull credentials as consul-template text.

Change modes: a file that only holds text and secrets is `noop`, because a rotation rolls through the jobs by a new spec
(`generation`) rather than restarting everything at once. Only what follows Consul reloads or restarts by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pryv_nomad.errors import SpecError
from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.release import Component
from pryv_nomad.model.types import seconds
from pryv_nomad.settings.document import ConfigFile
from pryv_nomad.specs.escape import Raw, go_string, heredoc
from pryv_nomad.specs.holes import followed, rotation_comment, secret, template_text
from pryv_nomad.specs.places import Place

FOLDER = "conf"
CERTIFICATE_KEY, PRIVATE_KEY = "TLS_CERTIFICATE", "TLS_KEY"


@dataclass(frozen=True, slots=True)
class Waiting:
    """How changes are gathered: rendered after `least` of quiet, at the latest after `most`; `splay` is a random pause
    before the task hears of it."""

    least: str
    most: str
    splay: str

    def later(self) -> Waiting:
        """Ten seconds later."""
        return Waiting(f"{seconds(self.least) + 10:g}s", f"{seconds(self.most) + 10:g}s", self.splay)


USUAL = Waiting("5s", "30s", "5s")
EDGE = Waiting("2s", "10s", "0s")
"""An edge must leave a stopping instance within its shutdown delay (5 s by default)."""
REGISTRY = Waiting("5s", "30s", "90s")
"""Several register instances read the same list of cores: the random pause keeps them from restarting together."""
REPLICA = Waiting("60s", "120s", "5s")
"""The replica's name server waits until the primary, which waits 30 s at most, is back."""
CERTIFICATE = Waiting("5s", "30s", "60s")


@dataclass(frozen=True, slots=True)
class ConfigTemplate:
    """A `template` block. `folder`: the task's folder to mount as the configuration folder, empty for none."""

    data: Raw
    destination: str
    folder: str
    change_mode: str
    waiting: Waiting | None
    perms: str
    owner: tuple[int, int] | None
    secret: bool
    environment: bool = False


def config_templates(
    cluster: Cluster,
    component: Component,
    files: tuple[ConfigFile, ...],
    place: Place,
    waiting: Waiting,
    generations: Mapping[str, int],
) -> tuple[ConfigTemplate, ...]:
    """The component's files. One secret among them moves all into `secrets/`: they are mounted as one folder."""
    private = component.role == "edge" or any(file.secret for file in files)
    folder = f"secrets/{FOLDER}" if private else f"local/{FOLDER}"
    owner = _owner(component)
    changes = _changes(files, place, waiting)
    return tuple(
        ConfigTemplate(
            data=heredoc(template_text(file, place, cluster, generations)),
            destination=f"{folder}/{file.path}",
            folder=folder,
            change_mode=changes[file.path][0],
            waiting=changes[file.path][1],
            perms="0400" if file.secret else "0444",
            owner=owner,
            secret=file.secret,
        )
        for file in files
    )


def _changes(files: tuple[ConfigFile, ...], place: Place, waiting: Waiting) -> dict[str, tuple[str, Waiting | None]]:
    """What each file does when it changes, and when.

    Nomad restarts a task for each file by itself. Where several files follow the same services, one of them, written a
    little later than the others, restarts for all.
    """
    follow = {file.path: followed(file, place) for file in files}
    changes: dict[str, tuple[str, Waiting | None]] = {
        file.path: (file.reload, waiting) if follow[file.path] else ("noop", None) for file in files
    }
    restarting = [path for path, (mode, _) in changes.items() if mode == "restart"]
    widest = max(restarting, key=lambda path: len(follow[path]), default="")
    if len(restarting) > 1 and all(follow[path] <= follow[widest] for path in restarting):
        changes |= dict.fromkeys(restarting, ("noop", waiting))
        changes[widest] = ("restart", waiting.later())
    return changes


def _owner(component: Component) -> tuple[int, int] | None:
    if not component.user:
        return None
    user, _, group = component.user.partition(":")
    return int(user), int(group or user)


def certificate_templates(cluster: Cluster) -> tuple[ConfigTemplate, ...]:
    """The wildcard certificate and its key, for an edge; a renewed one reloads nginx, one edge after the other."""
    tls = cluster.file.tls
    if tls.source == "path":
        return ()
    if tls.source == "vault":
        if cluster.file.nomad.version == "1.6" and not tls.vault_policies:
            raise SpecError(
                "tls.vault_policies: Nomad 1.6 asks Vault for a token with policies, and there are none",
                "name a policy that may read tls.vault_path",
            )
        read = "{{ with secret %s }}{{ .Data.data.%s }}{{ end }}"
        texts = (read % (go_string(tls.vault_path), "certificate"), read % (go_string(tls.vault_path), "key"))
    else:
        texts = (secret(CERTIFICATE_KEY), secret(PRIVATE_KEY))
    names = (f"{cluster.domain}-bundle.crt", f"{cluster.domain}-key.pem")
    return tuple(_certificate(text, name) for text, name in zip(texts, names, strict=True))


def _certificate(text: str, name: str) -> ConfigTemplate:
    folder = f"secrets/{FOLDER}"
    return ConfigTemplate(
        heredoc(text + "\n"), f"{folder}/secret/{name}", folder, "signal", CERTIFICATE, "0400", None, True
    )


def token_template(job: str) -> ConfigTemplate:
    """The Consul token of a task of ours, where there is one: CONSUL_HTTP_TOKEN of the job's Nomad Variable."""
    path = go_string(f"nomad/jobs/{job}")
    token = "{{ with .CONSUL_HTTP_TOKEN }}CONSUL_HTTP_TOKEN={{ .Value | toJSON }}{{ end }}"  # noqa: S105 - a template
    text = f"{{{{ if nomadVarExists {path} }}}}{{{{ with nomadVar {path} }}}}{token}{{{{ end }}}}{{{{ end }}}}\n"
    return ConfigTemplate(heredoc(text), "secrets/consul.env", "", "restart", None, "0400", None, False, True)


def pull_credentials(cluster: Cluster, generations: Mapping[str, int]) -> tuple[ConfigTemplate, ...]:
    """User and password of the image registry, which the task's `auth` block names; empty where the client has them."""
    credentials = cluster.file.images.credentials
    if credentials is None:
        return ()
    keys = (credentials.username_key, credentials.password_key)
    lines = [f"{key}={secret(key, True, credentials.variable)}\n" for key in keys]
    data = heredoc(rotation_comment(keys, generations) + "".join(lines))
    return (ConfigTemplate(data, "secrets/image.env", "", "noop", None, "0400", None, True, environment=True),)
