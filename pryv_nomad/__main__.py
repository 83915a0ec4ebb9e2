"""`python -m pryv_nomad` and the `pryv-nomad` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from pryv_nomad.cli import invoke

    sys.exit(invoke(sys.argv[1:]))


if __name__ == "__main__":
    main()
