"""Files with secrets on a target that cannot put them in itself: templates with marks, and a script that fills them.

The script is plain sh and awk, so it runs on any machine. It reads `secrets.env`, writes each file whole with mode
0600, and passes no value on a command line. In JSON and YAML alike a value stands as a JSON string.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pryv_nomad.exports.roles import File
from pryv_nomad.settings.document import Secret

_STEM = re.compile(r"@SECRET(\d+):")


def marks(files: Iterable[File]) -> str:
    """A beginning for marks that stands in none of the files."""
    texts = (part for file in files for part in file.parts if isinstance(part, str))
    taken = {int(number) for text in texts for number in _STEM.findall(text)}
    return f"@SECRET{next(number for number in range(len(taken) + 1) if number not in taken)}:"


def template(file: File, stem: str) -> str:
    """The text of `file` with a mark for each secret: KEY bare, KEY with quotes as a JSON string."""
    return "".join(part if isinstance(part, str) else _mark(part, stem) for part in file.parts)


def _mark(secret: Secret, stem: str) -> str:
    return f"{stem}{'json' if secret.quoted else 'bare'}:{secret.key}@"


def script(stem: str) -> str:
    """`fill-secrets`, for templates with marks that begin with `stem`."""
    return _SCRIPT.replace("@STEM@", stem)


_SCRIPT = r"""#!/bin/sh
# Puts the values of secrets.env into the files below templates/, and the results where pryv.yml mounts them.
set -eu
umask 077
cd "$(dirname "$0")"
export LC_ALL=C

fill() {
  awk -v stem='@STEM@' '
    function fail(text) { print "fill-secrets: " text > "/dev/stderr"; failed = 1; exit 1 }
    function quoted(value,  out, i, c) {
      out = ""
      for (i = 1; i <= length(value); i++) {
        c = substr(value, i, 1)
        if (c == "\\" || c == "\"") out = out "\\" c
        else if (c == "\t") out = out "\\t"
        else out = out c
      }
      return "\"" out "\""
    }
    function value(mark,  form, key) {
      form = substr(mark, 1, 4)
      key = substr(mark, 6)
      if (!(key in secrets) || secrets[key] == "") fail("secrets.env gives no value for " key)
      if (form == "json") return quoted(secrets[key])
      if (secrets[key] !~ /^[A-Za-z0-9]+$/) fail(key " may hold letters and digits only")
      return secrets[key]
    }
    FILENAME == "secrets.env" {
      if ($0 ~ /^[ \t]*(#|$)/) next
      at = index($0, "=")
      if (!at) fail("secrets.env:" FNR ": not KEY=VALUE")
      text = substr($0, at + 1)
      sub(/\r$/, "", text)
      if (text ~ /[\001-\010\013-\037\177]/) fail("secrets.env:" FNR ": the value holds a control character")
      secrets[substr($0, 1, at - 1)] = text
      next
    }
    {
      rest = $0
      while ((at = index(rest, stem)) > 0) {
        printf "%s", substr(rest, 1, at - 1)
        rest = substr(rest, at + length(stem))
        end = index(rest, "@")
        printf "%s", value(substr(rest, 1, end - 1))
        rest = substr(rest, end + 1)
      }
      print rest
    }
    END { if (failed) exit 1 }
  ' secrets.env "$1"
}

fail() {
  find . -name '*.filling' -type f -exec rm -f {} +
  exit 1
}

chmod 600 secrets.env
find templates -type f | sort | while read -r source; do
  target="${source#templates/}"
  (umask 022 && mkdir -p "$(dirname "$target")")
  fill "$source" > "$target.filling" || exit 1
done || fail

# All are there: each takes its place at once. The components run as 9999 and must be able to read them.
find templates -type f | sort | while read -r source; do
  target="${source#templates/}"
  chown 9999:9999 "$target.filling" 2>/dev/null || echo "fill-secrets: give $target to 9999:9999" >&2
  mv "$target.filling" "$target"
  echo "$target"
done
"""
