"""Stand-in images: 2 MB each, under the real names, made without an image registry from busybox and `docker import`.

A stand-in does what a deployment can see of the real component: it runs as the same user, refuses to start when a
configuration file is missing or a volume is not writable, listens on the release's ports, and answers its health check.
The facts come from the release's data, so a changed release changes the stand-ins.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pryv_nomad.model.release import Component

BUSYBOX = Path("/bin/busybox")
PERL = Path("/usr/bin/perl")

CONFIGURATION = {
    "nginx": (),
    "core": ("core.yml",),
    "hfs": ("hfs.yml",),
    "preview": ("preview.yml",),
    "webhooks": ("webhooks.yml",),
    "mfa": ("mfa.yml",),
    "mongodb": ("mongodb.yml",),
    "register": ("register.json",),
    "dns": ("dns.json",),
    "redis": ("redis.conf",),
    "mail": ("mail.json",),
}
"""Files that the real component reads from its configuration folder."""

_LABEL = "pryv-nomad.stand-in"

_APPLETS = ("awk", "cat", "grep", "httpd", "id", "ls", "nc", "printf", "sh", "sleep", "test", "touch", "true", "wget")

_PAGES = {
    "core": {"index.html": '{"cheersFrom":"Pryv API","learnMoreAt":"http://pryv.example"}\n'},
    "hfs": {"system/status": '{"status":"ok"}\n'},
    "register": {"service/info": '{"name":"stand-in"}\n', "hostings": '{"regions":{}}\n'},
}

# Reads the whole request: what is left unread would reset the connection before the answer is read.
_NO_CONTENT = """#!/bin/sh
while read -r line; do test "${#line}" -gt 1 || break; done
printf 'HTTP/1.1 204 No Content\\r\\nConnection: close\\r\\n\\r\\n'
"""

_REDIS = """#!/bin/sh
while read -r line; do case "$line" in *PING*|*ping*) printf '+PONG\\r\\n' ;; esac; done
"""

_REDIS_CLI = """#!/bin/sh
{ printf 'PING\\r\\n'; sleep 0.2; } | nc -w 2 127.0.0.1 6379 | grep PONG
"""

# Answers every question with the A record 127.0.0.1; perl, because busybox serves no UDP and perl is on every Debian.
# A client's question (-q) goes over the same port, for the health check.
_DNS = r"""
my ($port, $ask) = @ARGV;
my $here = pack("S n a4 x8", 2, $port, "\x7f\0\0\1");
socket(my $s, 2, 2, 17) or die;
if ($ask) {
  $SIG{ALRM} = sub { exit 2 }; alarm 3;
  my $name = join("", map { chr(length) . $_ } split(/\./, $ask)) . "\0";
  send($s, pack("n6", 7, 0x100, 1, 0, 0, 0) . $name . pack("n2", 1, 1), 0, $here) or exit 2;
  recv($s, my $answer, 512, 0); exit(substr($answer, 6, 2) eq "\0\1" ? 0 : 2);
}
bind($s, pack("S n a4 x8", 2, $port, "\0\0\0\0")) or die "bind: $!";
while (my $from = recv($s, my $question, 512, 0)) {
  my ($end) = $question =~ /^.{12}(.*?\0....)/s or next;
  send($s, substr($question, 0, 2) . pack("n5", 0x8580, 1, 1, 0, 0) . $end
    . pack("n3Nna4", 0xc00c, 1, 1, 60, 4, "\x7f\0\0\1"), 0, $from);
}
"""

# The dns image has node and no dig; its check asks for a name with it.
_NODE = """#!/bin/sh
name="${*#*resolve4(\'}"
exec /bin/perl /standin/dns.pl 5353 "${name%%\'*}"
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of an image."""

    path: str
    content: bytes
    mode: int = 0o755


def obstacles(images: Iterable[str]) -> list[str]:
    """Why stand-ins for `images` cannot be made here; empty when they can. A real image is never replaced."""
    lacking = [f"{path} is missing" for path in (BUSYBOX, PERL) if not path.exists()]
    return [*lacking, *(f"a real {image} is on this machine" for image in images if _is_real(image))]


def _is_real(image: str) -> bool:
    """Whether an image of that name is there that is not one of ours."""
    return _label(image) == ""


def _label(image: str) -> str | None:
    """Our label on an image (a hash of what went in), empty where it has none; None where there is no image."""
    template = f'{{{{ index .Config.Labels "{_LABEL}" }}}}'
    command = ["docker", "image", "inspect", "--format", template, image]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return answer.stdout.strip() if answer.returncode == 0 else None


@contextlib.contextmanager
def made(images: Mapping[str, tuple[str, Component]]) -> Iterator[None]:
    """The stand-ins for as long as the block lasts. Test runs side by side share them: who leaves last removes them."""
    lock = Path(tempfile.gettempdir()) / "pryv-nomad-stand-ins.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        build(images)
        try:
            yield
        finally:
            with contextlib.suppress(BlockingIOError):  # somebody else's containers still need them
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(images)


def build(images: Mapping[str, tuple[str, Component]]) -> None:
    """Make an image for each of `images`: its full name → component's name and facts. One that is there stays."""
    for image, (name, component) in sorted(images.items()):
        archive = _archive(files(name, component))
        user = [f"USER {component.user}"] if component.user else []
        settings = ['ENTRYPOINT ["/standin/start"]', "ENV PATH=/bin", *user]
        label = hashlib.sha256(archive + "\n".join(settings).encode()).hexdigest()[:16]
        if _label(image) == label:
            continue
        changes = [word for setting in (f"LABEL {_LABEL}={label}", *settings) for word in ("--change", setting)]
        command = ["docker", "import", *changes, "-", image]
        answer = subprocess.run(command, input=archive, capture_output=True, check=False, timeout=60)
        assert answer.returncode == 0, answer.stderr.decode()


def remove(images: Iterable[str]) -> None:
    """Take the stand-ins away again."""
    subprocess.run(["docker", "rmi", "--force", *sorted(images)], capture_output=True, check=False, timeout=60)


def files(name: str, component: Component) -> list[Entry]:
    """The file system of a stand-in."""
    entries = [Entry("bin/busybox", BUSYBOX.read_bytes())]
    pages = {"index.html": "stand-in\n", **_PAGES.get(name, {})}
    entries += [Entry(f"standin/www/{path}", page.encode(), 0o644) for path, page in pages.items()]
    entries.append(Entry("standin/start", start_script(name, component).encode()))
    if name == "influxdb":
        entries.append(Entry("standin/no-content", _NO_CONTENT.encode()))
    if name == "redis":
        entries += [Entry("standin/redis", _REDIS.encode()), Entry("bin/redis-cli", _REDIS_CLI.encode())]
    if name == "dns":
        entries += [Entry("standin/dns.pl", _DNS.encode(), 0o644), Entry("bin/node", _NODE.encode()), *_perl()]
    return entries


def start_script(name: str, component: Component) -> str:
    """What a stand-in runs: it checks its configuration and volumes, listens, and waits for the stop signal."""
    lines = ["#!/bin/sh", "trap 'exit 0' TERM INT QUIT", "trap 'echo reloaded' HUP USR1"]
    for file in CONFIGURATION.get(name, ()):
        path = f"{component.configuration}/{file}"
        lines.append(f"test -s {path} || {{ echo 'no {path}' >&2; ls -la {component.configuration} >&2; exit 1; }}")
    for path in component.volumes.values():
        lines.append(f"touch {path}/.stand-in || {{ echo '{path} is not writable' >&2; id >&2; exit 1; }}")
    for port in component.ports.values():
        lines += _listener(name, component, port.port, per_process=port.per_process)
    lines += [f"echo {name} stands in", "while :; do sleep 3600 & wait $!; done"]
    return "\n".join(lines) + "\n"


def _listener(name: str, component: Component, port: int, *, per_process: bool) -> list[str]:
    if name == "influxdb":
        return [f"nc -ll -p {port} -e /standin/no-content &"]
    if name == "redis":
        return [f"nc -ll -p {port} -e /standin/redis &"]
    if name == "dns":
        return [f"/bin/perl /standin/dns.pl {port} &"]
    if not per_process:
        return [f"httpd -f -p {port} -h /standin/www &"]
    return [
        f"port=${{STARTING_PORT:-{port}}}; last=$((port + ${{NUM_PROCS:-{component.procs}}} - 1))",
        "while test $port -le $last; do httpd -f -p $port -h /standin/www & port=$((port + 1)); done",
    ]


def _perl() -> list[Entry]:
    """perl with its shared libraries, at the paths where it looks for them."""
    answer = subprocess.run(["ldd", str(PERL)], capture_output=True, text=True, check=True, timeout=10)
    paths = [word for line in answer.stdout.splitlines() for word in line.split() if word.startswith("/")]
    return [Entry("bin/perl", PERL.read_bytes()), *(Entry(path.lstrip("/"), Path(path).read_bytes()) for path in paths)]


def _archive(entries: Iterable[Entry]) -> bytes:
    """A tar archive with the entries, the folders that components expect, and busybox under its applets' names."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for folder in ("tmp", "app", "app/conf", "app/data", "app/log", "app/backup"):
            item = tarfile.TarInfo(folder)
            item.type, item.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(item)
        for applet in _APPLETS:
            item = tarfile.TarInfo(f"bin/{applet}")
            item.type, item.linkname = tarfile.SYMTYPE, "busybox"
            archive.addfile(item)
        for entry in entries:
            item = tarfile.TarInfo(entry.path)
            item.size, item.mode = len(entry.content), entry.mode
            archive.addfile(item, io.BytesIO(entry.content))
    return buffer.getvalue()
