"""Makes docs/cluster-model.md of the model itself, so that the page cannot say something else.

`python -m pryv_nomad.model.reference > docs/cluster-model.md` renews it; a test compares.
"""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator
from pydantic.fields import FieldInfo

from pryv_nomad.model import releases
from pryv_nomad.model import types as small
from pryv_nomad.model.file import ClusterFile
from pryv_nomad.model.variables import Catalogue, Variable

_HEAD = """\
# The cluster file

One YAML file says what a platform should be. This page is made from the model (`python -m pryv_nomad.model.reference`);
`pryv-nomad schema` prints the same as JSON Schema for editors, `pryv-nomad validate` checks a file, and the files in
`examples/` are annotated.

The smallest file that is valid:

```yaml
platform: {domain: pryv.example, name: Pryv Lab}
release: 1.9.2
datacenters: [dc1]
hostings: {ch: {datacenter: dc1, url: "https://ch.example", name: Switzerland}}
cores: [{name: "co[1-3]", hosting: ch}]
```

## How a file is read

- **Which files.** `-c FILE` before the verb, more than once to lay files over one another; without it the environment's
  `PRYV_NOMAD_CLUSTER` (several separated as in `PATH`), else `cluster.yml`.
- **Precedence**, the later wins: defaults, the files in the order given, `--set` in the order given.
- **Overlays.** Maps merge key by key, at any depth. Lists replace, except that `cores` merge by `name` as it is
  written: an entry with a known name changes that entry, a new name adds one.
- **`--set PATH=VALUE`.** VALUE is YAML. PATH is written as in messages: `update.canary`, `cores[0].procs`, or by name,
  `cores[co1].procs`; other characters stand in brackets and quotes, as a range does: `cores["co[1-3]"].procs`.
- **The environment.** `${env:NAME}` inside any value is replaced, `${env:NAME:-default}` has a default for a variable
  that is missing or empty, `$${env:` stands for itself. It is done after everything else, and an unquoted value is read
  as if the text had stood there: `procs: ${env:PROCS}` is a number, `"${env:PROCS}"` is text.
- **Namespace and region.** `-namespace` and `-region` win over the file; `NOMAD_NAMESPACE` and `NOMAD_REGION` count
  where the file does not say them.
- **YAML.** Only `true` and `false` are booleans: `no`, `on` and `yes` stay text (and still switch what is a boolean).
  Anchors, aliases and merge keys (`<<`) work. A key twice in one map is an error. UTF-8, one document a file.
- **Ranges.** `co[1-500]`, `co[01-20]` (padded with zeros to the width of the first number), `co[1-3,7]`; at most 10,000
  cores.
- **Text.** Line breaks, control characters, `${` and `%{` are refused outside `settings`, because Nomad would replace
  them; `constraints` may hold Nomad's own `${…}`. Text in `settings` reaches its file unchanged.
- **An address that is not given** is found from the Nomad node that runs the core or role.
- **Resources.** The release's defaults, those of core and hfs for each process; over them the platform's `resources`,
  over those the core's.
- **Volumes** not named are host volumes called `pryv-core-data`, `pryv-mongodb-data`, `pryv-mongodb-backup`,
  `pryv-influxdb-data`, `pryv-influxdb-backup` and `pryv-redis-data`.
- **Releases.** Files in the folder that `releases` names are found before those that ship. A release file has the form
  of `pryv_nomad/releases/1.9.2.yml`, and its catalogue of variables that of `settings-1.9.yml` beside it.

## Sections

"""

_VARIABLES = """\
## Platform variables of release {release}

They stand under `settings`, by their own names. *Expands*: names of other variables inside the text are replaced by
their values (`https://sw.DOMAIN/`). An address that the file does not say is put in where the text is used.

"""

_NAMES: dict[Any, str] = {
    small.Address: "IP address",
    small.Domain: "domain",
    small.Duration: "duration",
    small.Label: "DNS name",
    small.Name: "text",
    small.Operator: "operator",
    small.Version: "text",
    small.VolumeSource: "volume name",
    str: "text",
    int: "integer",
    bool: "true or false",
    Any: "any",
    type(None): "null",
}


def reference() -> str:
    """The page's text."""
    newest = releases.load_release(releases.available()[0])
    catalogue = releases.load_catalogue(newest.settings)
    parts = [_HEAD, *_sections(), _VARIABLES.format(release=newest.name), *_variables(catalogue), *_secrets(catalogue)]
    return "".join(parts).rstrip() + "\n"


def _sections() -> Iterator[str]:
    """A table for each section, breadth first, each once."""
    queue: list[tuple[str, type[BaseModel]]] = [("", ClusterFile)]
    seen: set[type[BaseModel]] = set()
    while queue:
        path, model = queue.pop(0)
        if model in seen:
            continue
        seen.add(model)
        yield f"### {f'`{path}`' if path else 'The whole file'}\n\n{model.__doc__}\n\n"
        yield "| key | type | default | meaning |\n| --- | --- | --- | --- |\n"
        for name, field in model.model_fields.items():
            key = field.alias or name
            yield f"| `{key}` | {_field_type(field)} | {_default(field)} | {_cell(field.description or '')} |\n"
            below = f"{path}.{key}" if path else key
            queue += [(below + suffix, inner) for inner, suffix in _models(field.annotation)]
        yield "\n"


def _models(annotation: Any, suffix: str = "") -> Iterator[tuple[type[BaseModel], str]]:
    """The sections that an annotation holds, with `[]` or `.KEY` for lists and maps of them."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, suffix
        return
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is dict:
        yield from _models(arguments[1], f"{suffix}.KEY")
    elif origin is tuple:
        yield from _models(arguments[0], f"{suffix}[]")
    elif origin in (Union, types.UnionType):
        for argument in arguments:
            yield from _models(argument, suffix)


def _field_type(field: FieldInfo) -> str:
    """The type of a field with its limits."""
    annotation = field.annotation
    validators = [each for each in field.metadata if isinstance(each, AfterValidator | BeforeValidator)]
    if validators:
        annotation = Annotated[(annotation, *validators)]  # type: ignore[assignment]
    limits = {
        name: value
        for each in field.metadata
        for name in ("ge", "le")
        if (value := getattr(each, name, None)) is not None
    }
    text = _type(annotation)
    if "ge" in limits and "le" in limits:
        return f"{text}, {limits['ge']} to {limits['le']}"
    return f"{text}, {limits['ge']} or more" if "ge" in limits else text


def _type(annotation: Any) -> str:
    if annotation in _NAMES:
        return _NAMES[annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "map"
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin is tuple:
        return "list of maps" if (inner := _type(arguments[0])) == "map" else f"list of {inner}"
    if origin is dict:
        return "maps by key" if (inner := _type(arguments[1])) == "map" else f"{inner} by key"
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(_type(each) for each in arguments if each is not type(None)))
    return _type(arguments[0]) if origin is Annotated else str(annotation)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.default
    if value is None or isinstance(value, BaseModel) or value in ({}, (), ""):
        return ""
    return _code(value)


def _code(value: Any) -> str:
    """A value as short code; long ones stand in the schema."""
    text = json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
    first = text.splitlines()[0] if text else ""
    short = first if len(text) <= 60 else first[:57] + "…"
    tick = "``" if "`" in short else "`"
    pad = " " if tick == "``" else ""
    return _cell(f"{tick}{pad}{short}{pad}{tick}") if text else '`""`'


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _variables(catalogue: Catalogue) -> Iterator[str]:
    yield "| variable | type | default | meaning |\n| --- | --- | --- | --- |\n"
    for name, variable in catalogue.variables.items():
        cells = (f"`{name}`", _variable_type(variable), _variable_default(variable), _cell(variable.description))
        yield f"| {' | '.join(cells)} |\n"
    yield "\n"


def _variable_type(variable: Variable) -> str:
    text = {"string": "text", "object": "map", "json-text": "JSON text", "boolean": "true or false"}.get(
        variable.type, variable.type
    )
    if variable.values:
        text = " or ".join(f"`{value}`" for value in variable.values)
    if variable.minimum is not None:
        text += f", {variable.minimum} to {variable.maximum}" if variable.maximum else f", {variable.minimum} or more"
    text += " or null" if variable.nullable and not variable.derived else ""
    return text + ("; expands" if variable.expands else "")


def _variable_default(variable: Variable) -> str:
    if variable.secret:
        return "a secret"
    return f"from `{variable.derived}`" if variable.derived else _code(variable.default)


def _secrets(catalogue: Catalogue) -> Iterator[str]:
    yield "## Secrets\n\nKept in Nomad Variables by `pryv-nomad secrets`; never in a file.\n\n"
    yield "| key | made | read by | meaning |\n| --- | --- | --- | --- |\n"
    for key, secret in catalogue.secrets.items():
        made = f"{secret.length} alphanumerics" if secret.length else f"by you, when `{secret.when}` is set"
        yield f"| `{key}` | {made} | {', '.join(secret.components)} | {_cell(secret.description)} |\n"


if __name__ == "__main__":
    sys.stdout.write(reference())
