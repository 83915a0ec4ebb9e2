"""A rotation is counted in the cluster file, which otherwise stays as it was."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.model.load import load_cluster
from pryv_nomad.secrets.rotation import edit
from tests.secrets.conftest import SMALLEST


def test_each_rotation_counts_one_more(cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    first, file = cluster(), tmp_path / "cluster.yml"
    file.chmod(0o640)

    edit(file, first, ["CORE_MAIL_KEY", "CORE_SYSTEM_KEY"]).write()
    second = load_cluster([file], env={})
    edit(file, second, ["CORE_MAIL_KEY"]).write()
    third = load_cluster([file], env={})

    assert second.file.secrets.generations == {"CORE_MAIL_KEY": 1, "CORE_SYSTEM_KEY": 1}
    assert third.file.secrets.generations == {"CORE_MAIL_KEY": 2, "CORE_SYSTEM_KEY": 1}
    assert file.read_text().startswith(SMALLEST)
    assert file.stat().st_mode & 0o777 == 0o640


def test_an_edit_that_is_only_shown_changes_nothing(cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    shown = edit(tmp_path / "cluster.yml", cluster(), ["CORE_MAIL_KEY"]).shown
    assert shown == "secrets:\n  generations:\n    CORE_MAIL_KEY: 1\n"
    assert (tmp_path / "cluster.yml").read_text() == SMALLEST
