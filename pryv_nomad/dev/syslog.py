"""Listens at /dev/log where no syslog does, and appends what it hears to a file.

core writes its audit log there, and Docker refuses to start a container whose bind mount has no source. A machine with
a syslog of its own needs none of this. /dev/log becomes a link to the listener's socket, as systemd makes it one: the
link tells that it is ours, and several local clusters pass it on to each other when one goes down.

    python -m pryv_nomad.dev.syslog LINK FILE
"""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path

LINK = Path("/dev/log")
_PREFIX = "pryv-nomad-syslog-"
_LARGEST_MESSAGE = 65536
_LOOK_AGAIN = 0.2


def is_free(link: Path) -> bool:
    """Whether nobody but listeners of ours is there."""
    return (not link.is_symlink() and not link.exists()) or _is_ours(link)


def listen(link: Path, file: Path) -> None:
    """Append each datagram as a line until the process is asked to end; take the link as soon as it is free."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    path = folder / "log"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, file.open("ab", buffering=0) as log:
            listener.bind(str(path))
            folder.chmod(0o755)
            path.chmod(0o666)
            listener.settimeout(_LOOK_AGAIN)
            while True:
                _take(link, path)
                with contextlib.suppress(TimeoutError):
                    log.write(listener.recv(_LARGEST_MESSAGE).rstrip(b"\0\n") + b"\n")
    finally:
        if link.is_symlink() and link.readlink() == path:
            link.unlink()
        shutil.rmtree(folder)


def _take(link: Path, path: Path) -> None:
    """Point the link to `path` where it points nowhere, or to a listener of ours that is gone."""
    if _is_ours(link) and link.readlink() != path and not _answers(link):
        link.unlink(missing_ok=True)
    with contextlib.suppress(FileExistsError):
        link.symlink_to(path)


def _is_ours(link: Path) -> bool:
    return link.is_symlink() and link.readlink().parent.name.startswith(_PREFIX)


def _answers(link: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        try:
            sender.connect(str(link))
        except OSError:
            return False
    return True


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    listen(Path(sys.argv[1]), Path(sys.argv[2]))
