"""Configuration files as ConfigMaps, and the secrets in them.

A ConfigMap cannot name a Secret. So files with secrets lie in it as templates, and an init container fills them in: it
is the component's own image, whose node.js is what its program is written for, so nothing else has to be pulled. The
filled files lie in memory, beside the container and nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Iterator
from typing import Any

from pryv_nomad.exports import fill
from pryv_nomad.exports.kubernetes.names import SECRETS, TLS, Seat
from pryv_nomad.exports.roles import File, Service

CERTIFICATES = "/app/tls"
_TEMPLATES = "/pryv/templates"
# kustomize reads such characters and then stumbles over what it has written itself.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\ufeff\ufffe\uffff]")
_ENVIRONMENT = "PRYV_SECRET_"

_SCRIPT = """\
const fs = require('fs'), path = require('path');
const [stem, files] = [process.argv[1], JSON.parse(process.argv[2])];
const value = (form, key) => {
  const found = process.env['PRYV_SECRET_' + key];
  if (!found) throw new Error('the secret ' + key + ' is empty');
  return form === 'json' ? JSON.stringify(found) : found;
};
for (const [key, target] of Object.entries(files)) {
  const parts = fs.readFileSync(path.join('/pryv/templates', key), 'utf8').split(stem);
  const filled = parts.slice(1).map((part) => {
    const end = part.indexOf('@'), [form, name] = part.slice(0, end).split(':');
    return value(form, name) + part.slice(end + 1);
  });
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, parts[0] + filled.join(''), { mode: 0o640 });
}
"""


def config_map(seat: Seat) -> dict[str, Any] | None:
    """The ConfigMap with the files of a service, None where it has none."""
    if not seat.service.files:
        return None
    texts = {key: text for _, key, text in _contents(seat.service)}
    odd = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items() if _CONTROL.search(text)}
    data = {key: text for key, text in texts.items() if key not in odd}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": seat.metadata(f"{seat.name}-files"),
        **({"data": data} if data else {}),
        **({"binaryData": odd} if odd else {}),
    }


def digest(service: Service) -> str:
    """What changes when a file does; in a pod's annotations it makes a changed file a changed pod."""
    written = json.dumps([(file.target, key, text) for file, key, text in _contents(service)])
    return hashlib.sha256(written.encode()).hexdigest()[:16]


def _contents(service: Service) -> Iterator[tuple[File, str, str]]:
    """Each file with its key in the ConfigMap, which knows no folders, and its text there."""
    stem = fill.marks(service.files)
    for file in service.files:
        yield file, file.target.removeprefix("/").replace("/", "__"), fill.template(file, stem)


def volumes(seat: Seat) -> list[dict[str, Any]]:
    """The pod's volumes for its files and its log."""
    service = seat.service
    found: list[dict[str, Any]] = []
    if service.files:
        found.append({"name": "files", "configMap": {"name": f"{seat.name}-files"}})
    if service.secrets:
        found.append({"name": "filled", "emptyDir": {"medium": "Memory", "sizeLimit": "4Mi"}})
    if service.edge:
        found.append({"name": "tls", "secret": {"secretName": TLS, "defaultMode": 0o440}})
    if service.log:
        found.append({"name": "log", "emptyDir": {}})
    return found


def mounts(service: Service) -> list[dict[str, Any]]:
    """Where the container finds them. Files are mounted one by one: each folder may hold some from elsewhere too."""
    filled = service.configuration if service.secrets else ""
    found = [
        {"name": "files", "mountPath": file.target, "subPath": key, "readOnly": True}
        for file, key, _ in _contents(service)
        if not (filled and file.target.startswith(f"{filled}/"))
    ]
    if filled:
        found.append({"name": "filled", "mountPath": filled, "readOnly": True})
    if service.edge:
        found.append({"name": "tls", "mountPath": CERTIFICATES, "readOnly": True})
    if service.log:
        found.append({"name": "log", "mountPath": service.log})
    return found


def init_containers(service: Service, policy: str) -> list[dict[str, Any]]:
    """The container that fills the secrets in, where a file has any."""
    if not service.secrets:
        return []
    inside = f"{service.configuration}/"
    files = {key: file.target for file, key, _ in _contents(service) if file.target.startswith(inside)}
    return [
        {
            "name": "fill-secrets",
            "image": service.image,
            "imagePullPolicy": policy,
            "command": ["node", "-e", _SCRIPT, fill.marks(service.files), json.dumps(files)],
            "env": [_reference(key) for key in service.secrets],
            "volumeMounts": [
                {"name": "files", "mountPath": _TEMPLATES, "readOnly": True},
                {"name": "filled", "mountPath": posixpath.normpath(service.configuration)},
            ],
        }
    ]


def _reference(key: str) -> dict[str, Any]:
    return {"name": f"{_ENVIRONMENT}{key}", "valueFrom": {"secretKeyRef": {"name": SECRETS, "key": key}}}
