"""A command as a gate: 0 is good, 75 (EX_TEMPFAIL of sysexits.h) or what the file says is not yet, another is bad."""

from __future__ import annotations

from pryv_nomad.gates.measuring import Measurement, bad, good, silent, wait
from pryv_nomad.gates.running import run
from pryv_nomad.model.gates import CommandGate
from pryv_nomad.rollout.gating import Question


class CommandSource:
    """Runs the command. One that cannot be started or takes too long is a source that cannot be asked."""

    def __init__(self, gate: CommandGate) -> None:
        self._gate = gate

    def describe(self) -> str:
        """What is asked, in a line."""
        return f"the command {self._gate.argv[0]}"

    def measure(self, question: Question) -> Measurement:
        """Run it once. The last line it writes is the reason."""
        told = {"PRYV_NOMAD_POINT": question.point, "PRYV_NOMAD_CORES": " ".join(question.cores)}
        ended = run(self._gate, told)
        if ended.code is None:
            return silent(ended.said)
        text = ended.said or f"exit code {ended.code}"
        if ended.code == 0:
            return good(text)
        return (wait if ended.code in self._gate.wait else bad)(text)
