"""python-hcl2's grammar as a parser that keeps positions and can also read a lone expression.

Building the LALR tables takes over a second, so they are cached in the user's cache folder (python-hcl2 would write
its own cache beside its code, which a user often may not). lark checks the cache against the grammar and the versions.
"""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pryv_nomad.specs.hcl.syntax import Source

if TYPE_CHECKING:
    from lark import Lark

# The grammar takes $${ or %%{ together with all that follows up to a closing brace, beyond the end of the string if
# need be. An underscore instead of the brace, in the text that is parsed only, keeps strings to their quotes; outside
# of strings it is as wrong as before.
_ESCAPE = re.compile(r"(\$\$|%%)\{")


@functools.lru_cache(maxsize=1)
def _parser() -> Lark:
    import hcl2.parser
    from hcl2.postlexer import PostLexer
    from lark import Lark

    return Lark.open(
        "hcl2.lark",
        rel_to=hcl2.parser.__file__,
        parser="lalr",
        start=["start", "expression"],
        propagate_positions=True,
        postlex=PostLexer(),
        cache=_cache_file(),
    )


def _cache_file() -> str | bool:
    """Where the tables are kept, or False where no folder of the user's own can be made."""
    import os
    import sys

    base = os.environ.get("XDG_CACHE_HOME")
    try:
        folder = (Path(base) if base else Path.home() / ".cache") / "pryv-nomad"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return False
    if folder.stat().st_uid != os.getuid() or not os.access(folder, os.W_OK):
        return False  # the cache is a pickle: never load somebody else's
    return str(folder / f"hcl-{sys.version_info[0]}.{sys.version_info[1]}.lark")


def tree_of(source: Source, text: str, start: str, offset: int) -> Any:
    """Parse `text`, which stands at `offset` of the source, by the rule `start` ("start" or "expression").

    Raises HclError at the place that cannot be read.
    """
    from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

    try:
        return _parser().parse(_ESCAPE.sub(r"\1_", text), start=start)
    except UnexpectedInput as error:
        at = offset + max(0, min(error.pos_in_stream or 0, len(text) - 1))
        if isinstance(error, UnexpectedToken):
            if error.token.type == "$END":
                at, what = offset + len(text.rstrip()), "the text ends too early"
            else:
                at, what = offset + error.token.start_pos, f"unexpected {_shown(str(error.token))}"
        elif isinstance(error, UnexpectedCharacters):
            what = f"unexpected {_shown(error.char)}"
        else:
            what = "the text ends too early"
        raise source.error(at, f"{what}: this is not HCL that can be read here") from None


def _shown(text: str) -> str:
    first = text.split("\n", 1)[0]
    return "end of line" if not first.strip() else repr(first[:30])
