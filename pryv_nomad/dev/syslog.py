"""Listens at /dev/log where no syslog does, and appends what it hears to a file.

core writes its audit log there, and Docker refuses to start a container whose bind mount has no source. A machine with
a syslog of its own needs none of this.

    python -m pryv_nomad.dev.syslog SOCKET FILE
"""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
from pathlib import Path

SOCKET = Path("/dev/log")
_LARGEST_MESSAGE = 65536


def listen(path: Path, file: Path) -> None:
    """Append each datagram as a line, until the process is asked to end; the socket goes with it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(path))
        try:
            path.chmod(0o666)
            with file.open("ab", buffering=0) as log:
                while True:
                    log.write(listener.recv(_LARGEST_MESSAGE).rstrip(b"\0\n") + b"\n")
        finally:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listen(Path(sys.argv[1]), Path(sys.argv[2]))
