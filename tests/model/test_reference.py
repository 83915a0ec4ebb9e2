"""docs/cluster-model.md is what the model says."""

from __future__ import annotations

from pathlib import Path

from pryv_nomad.model import releases
from pryv_nomad.model.file import ClusterFile
from pryv_nomad.model.load import load_cluster
from pryv_nomad.model.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "cluster-model.md"


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference(), (
        "run: python -m pryv_nomad.model.reference > docs/cluster-model.md"
    )


def test_the_page_has_every_section_and_variable() -> None:
    text = reference()
    assert all(f"| `{field.alias or name}` |" in text for name, field in ClusterFile.model_fields.items())
    assert all(f"| `{name}` |" in text for name in releases.load_catalogue("1.9").variables)


def test_the_smallest_file_of_the_page_is_valid(tmp_path: Path) -> None:
    block = PAGE.read_text(encoding="utf-8").split("```yaml\n")[1].split("```")[0]
    (tmp_path / "cluster.yml").write_text(block)
    assert len(load_cluster([tmp_path / "cluster.yml"], (), {}).cores) == 3
