"""HashiCorp's own HCL parser (pygohcl) as a second opinion on syntax; a development dependency only."""

from __future__ import annotations


def pygohcl_check(text: str) -> str:
    """What HashiCorp's parser says against the text; empty if it accepts it.

    It evaluates too, without Nomad's variables: what it says of unknown variables and functions is not syntax.
    """
    import pygohcl

    try:
        pygohcl.loads(text)
    except pygohcl.HCLParseError as error:
        return str(error)
    except pygohcl.HCLInternalError:
        return ""
    return ""
