"""The image of this tool, made of the Python that runs the tests: no image registry and no base image is needed.

It holds what the Dockerfile's image holds as far as a job can see: the tool as entry point, run as 9999:9999.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

CHECKOUT = Path(__file__).resolve().parents[2]
_LEFT_OUT = {
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "lib2to3",
    "ensurepip",
    "site-packages",
    "__pycache__",
    "turtledemo",
}
_LABEL = "pryv-nomad.of-tests"


@contextlib.contextmanager
def own_image(name: str) -> Iterator[None]:
    """The image for as long as the block lasts. Test runs side by side share it: who leaves last removes it."""
    with (Path(tempfile.gettempdir()) / "pryv-nomad-own-image.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        if not _is_there(name):
            _build(name)
        try:
            yield
        finally:
            with contextlib.suppress(BlockingIOError):  # somebody else's containers still need it
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                subprocess.run(["docker", "rmi", "--force", name], capture_output=True, check=False, timeout=60)


def obstacle(name: str) -> str:
    """Why the image cannot be made here, empty when it can. A real one is never replaced."""
    if _is_there(name) and not _label(name):
        return f"a real {name} is on this machine"
    return ""


def _is_there(name: str) -> bool:
    command = ["docker", "image", "inspect", name]
    return subprocess.run(command, capture_output=True, check=False, timeout=60).returncode == 0


def _label(name: str) -> str:
    command = ["docker", "image", "inspect", "--format", f'{{{{ index .Config.Labels "{_LABEL}" }}}}', name]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()


def _build(name: str) -> None:
    program = f"/python/bin/{Path(sys.executable).resolve().name}"
    settings = [
        f'ENTRYPOINT ["{program}","-m","pryv_nomad"]',
        "ENV PYTHONHOME=/python PYTHONPATH=/packages:/app PYTHONDONTWRITEBYTECODE=1 LD_LIBRARY_PATH=/python/lib",
        "USER 9999:9999",
        "WORKDIR /tmp",
        f"LABEL {_LABEL}=true",
    ]
    changes = [word for setting in settings for word in ("--change", setting)]
    command = ["docker", "import", *changes, "-", name]
    made = subprocess.run(command, input=_archive(), capture_output=True, check=False, timeout=120)
    assert made.returncode == 0, made.stderr.decode()


def _archive() -> bytes:
    found = dict(_contents())
    for file in list(found.values()):
        found |= _libraries(file)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        temporary = tarfile.TarInfo("tmp")
        temporary.type, temporary.mode = tarfile.DIRTYPE, 0o1777
        archive.addfile(temporary)
        for target, source in sorted(found.items()):
            real = source.resolve()
            entry = archive.gettarinfo(str(real), target.lstrip("/"))
            entry.type, entry.size, entry.uid, entry.gid = tarfile.REGTYPE, real.stat().st_size, 0, 0
            entry.mode = 0o755 if entry.mode & 0o111 else 0o644
            with real.open("rb") as content:
                archive.addfile(entry, content)
    return buffer.getvalue()


def _contents() -> Iterator[tuple[str, Path]]:
    """Path in the image → file: Python, the packages that the tool needs, the tool."""
    program = Path(sys.executable).resolve()
    yield f"/python/bin/{program.name}", program
    library = Path(sysconfig.get_path("stdlib"))
    yield from ((f"/python/lib/{library.name}/{each.relative_to(library)}", each) for each in _files(library))
    for package in _packages().values():
        for each in package.files or ():
            file = Path(str(each.locate()))
            if file.suffix != ".pyc" and ".." not in each.parts and file.is_file():
                yield f"/packages/{each}", file
    for name in ("pryv_nomad", "jobs", "consul-templates", "examples"):
        folder = CHECKOUT / name
        yield from ((f"/app/{name}/{each.relative_to(folder)}", each) for each in _files(folder))
    yield "/app/pyproject.toml", CHECKOUT / "pyproject.toml"


def _files(folder: Path) -> Iterator[Path]:
    for each in sorted(folder.iterdir()):
        if each.is_dir() and each.name not in _LEFT_OUT:
            yield from _files(each)
        elif each.is_file() and each.suffix not in (".pyc", ".a"):
            yield each


def _packages() -> dict[str, Distribution]:
    """What the tool needs, and what that needs, as installed here."""
    known: dict[str, Distribution] = {}
    for text in tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]["dependencies"]:
        _add(text, known)
    return known


def _add(text: str, known: dict[str, Distribution]) -> None:
    wanted = Requirement(text)
    if wanted.name.lower() in known or not (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
        return
    try:
        found = known[wanted.name.lower()] = distribution(wanted.name)
    except PackageNotFoundError:
        return
    for more in found.requires or ():
        _add(more, known)


def _libraries(file: Path) -> dict[str, Path]:
    """Path in the image → shared library, of a program or library; the loader finds them beside Python's."""
    if ".so" not in file.name and file.name != Path(sys.executable).resolve().name:
        return {}
    told = subprocess.run(["ldd", str(file.resolve())], capture_output=True, text=True, check=False, timeout=30)
    words = {word for line in told.stdout.splitlines() for word in line.split() if word.startswith("/")}
    found = {f"/python/lib/{Path(word).name}": Path(word) for word in words}
    return found | {word: Path(word) for word in words if "ld-linux" in word}
