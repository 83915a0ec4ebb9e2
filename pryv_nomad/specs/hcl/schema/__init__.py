"""The blocks and arguments of a Nomad job file as tables: HCL name → JSON key and type.

Source of every row: the `hcl:"…"` tags of Nomad's api package, 1.6.5 (`api/*.go`), and 2.0.5 for what only 2.x has.
The 1.6 rows are compared with a real Nomad by tests/contract/test_jobspec_parse.py; the 2.x rows were only read.
"""

from pryv_nomad.specs.hcl.schema.job import JOB
from pryv_nomad.specs.hcl.schema.rows import Argument, Nested, Table

__all__ = ["JOB", "Argument", "Nested", "Table"]
