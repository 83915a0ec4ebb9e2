"""Asks this machine, and ends well when the answer is well: a restart command for tests. python ask.py PORT PATH"""

from __future__ import annotations

import http.client
import sys


def main(port: str, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=60)
    connection.request("GET", path)
    if connection.getresponse().status != 200:
        sys.exit("refused")


if __name__ == "__main__":
    main(*sys.argv[1:])
