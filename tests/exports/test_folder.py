"""An export's folder appears whole or not at all, and nothing that somebody else put there is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from pryv_nomad.errors import Refused, SpecError
from pryv_nomad.exports.folder import Entry, write_tree

TREE = {"README.md": Entry("one\n"), "core/secrets.env": Entry("KEY=\n", 0o600), "core/conf/a.yml": Entry("a: 1\n")}
OTHER = {"README.md": Entry("two\n"), "static/b.yml": Entry("b: 2\n")}


def contents(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".pryv-nomad-export"
    }


def texts(tree: dict[str, Entry]) -> dict[str, str]:
    return {path: entry.text for path, entry in tree.items()}


def test_a_folder_is_made_with_its_files_and_modes(tmp_path: Path) -> None:
    write_tree(TREE, tmp_path / "a/b/out", "compose")
    assert contents(tmp_path / "a/b/out") == texts(TREE)
    assert (tmp_path / "a/b/out/core/secrets.env").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["out"]


def test_an_untouched_export_is_replaced_as_a_whole(tmp_path: Path) -> None:
    write_tree(TREE, tmp_path / "out", "compose")
    write_tree(OTHER, tmp_path / "out", "swarm")
    assert contents(tmp_path / "out") == texts(OTHER)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_may_be_used(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write_tree(TREE, tmp_path / "out", "compose")
    assert contents(tmp_path / "out") == texts(TREE)


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write_tree(TREE, tmp_path / "link", "compose")
    assert (tmp_path / "link").is_symlink()
    assert contents(tmp_path / "real") == texts(TREE)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("foreign", "was not made by export"),
        ("added", r"core/data/users.db was added"),
        ("changed", r"core/secrets.env was changed"),
        ("list", "was changed"),
        ("file", "is a file"),
    ],
)
def test_what_somebody_else_put_there_is_kept(tmp_path: Path, change: str, said: str) -> None:
    folder = tmp_path / "out"
    if change == "file":
        folder.write_text("mine")
    elif change == "foreign":
        folder.mkdir()
        (folder / "mine").write_text("mine")
    else:
        write_tree(TREE, folder, "compose")
    if change == "added":
        (folder / "core/data").mkdir()
        (folder / "core/data/users.db").write_text("mine")
    if change == "changed":
        (folder / "core/secrets.env").write_text("KEY=filled in\n")
    if change == "list":
        (folder / ".pryv-nomad-export").write_text("[]")
    before = contents(folder) if folder.is_dir() else folder.read_text()

    with pytest.raises(Refused, match=said):
        write_tree(OTHER, folder, "compose")

    assert (contents(folder) if folder.is_dir() else folder.read_text()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_file_that_cannot_be_written_leaves_the_folder_as_it_was(tmp_path: Path) -> None:
    write_tree(TREE, tmp_path / "out", "compose")
    with pytest.raises(SpecError, match="File name too long"):
        write_tree({**OTHER, f"static/{'x' * 300}": Entry("")}, tmp_path / "out", "compose")
    assert contents(tmp_path / "out") == texts(TREE)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_swap_that_fails_brings_the_old_folder_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_tree(TREE, tmp_path / "out", "compose")
    rename = Path.rename

    def failing(source: Path, target: Path) -> Path:
        if source.name == "new":
            raise OSError(5, "Input/output error", str(source))
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(SpecError, match="Input/output error"):
        write_tree(OTHER, tmp_path / "out", "compose")
    assert contents(tmp_path / "out") == texts(TREE)
