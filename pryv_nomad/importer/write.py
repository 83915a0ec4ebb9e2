"""Writes an imported cluster file the way a person would lay it out."""

from __future__ import annotations

from typing import Any

import yaml

from pryv_nomad.importer.convert import Imported


class _Dumper(yaml.SafeDumper):
    """Block style, lists indented under their key, texts of several lines as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's own signature
        super().increase_indent(flow, False)


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    # A block cannot hold trailing blanks before a line end, so such a text stays quoted.
    style = "|" if "\n" in value and " \n" not in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def cluster_yaml(imported: Imported, source: str) -> str:
    """The cluster file's text: a section after the other, an empty line between them."""
    sections = [_section({key: value}) for key, value in imported.document.items()]
    return f"# Imported from {source}.\n" + "\n".join(sections)


def _section(content: dict[str, Any]) -> str:
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, default_flow_style=False, width=110)
