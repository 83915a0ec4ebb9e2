"""`plan`, `run` and `status` with renewal on: a periodic job is one of the platform's, last in the order."""

from __future__ import annotations

from pathlib import Path

from tests.rollout.platform import platform

ACME = "tls: {acme: {enabled: true, email: ops@pryv.example}}\n"


def test_a_platform_that_renews_its_certificate_runs_and_is_well(tmp_path: Path) -> None:
    with platform(tmp_path, cores=1) as made:
        made.write(1, ACME)
        made.secrets()

        said = made.run().out

        assert said.index("pryv-certificate: registered") > said.index("pryv-static: healthy")
        assert "pryv-certificate: healthy" in said
        assert made.pn("plan").code == 0
        assert "all well" in made.pn("status").out
        assert made.nomad.job("pryv-certificate")["Periodic"]["Enabled"] is True

        made.write(1, ACME.replace("email", "schedule: 5 5 * * *, email"))
        plan = made.pn("plan")
        assert plan.code == 1
        assert '"17 3 * * *" → "5 5 * * *"' in plan.out
        assert "Plan: 1 to update in place" in plan.out
