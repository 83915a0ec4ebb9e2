"""What a task asks of a machine, and how its logs rotate: shared by tasks and Connect's sidecar tasks."""

from __future__ import annotations

from pryv_nomad.specs.hcl.schema.common import AFFINITY, CONSTRAINT, NETWORK
from pryv_nomad.specs.hcl.schema.rows import Argument, Table, many, one

DEVICE = Table(
    "device",
    {"count": Argument("Count", "uint64?")},
    {"constraint": many("Constraints", CONSTRAINT), "affinity": many("Affinities", AFFINITY)},
    label="Name",
)

NUMA = Table("numa", {"affinity": Argument("Affinity", "string"), "devices": Argument("Devices", "strings")})

RESOURCES = Table(
    "resources",
    {
        "cpu": Argument("CPU", "int?"),
        "cores": Argument("Cores", "int?"),
        "memory": Argument("MemoryMB", "int?"),
        "memory_max": Argument("MemoryMaxMB", "int?"),
        "disk": Argument("DiskMB", "int?"),
        "iops": Argument("IOPS", "int?"),
        "secrets": Argument("SecretsMB", "int?", only="2.0"),
    },
    {
        "network": many("Networks", NETWORK),
        "device": many("Devices", DEVICE),
        "numa": one("NUMA", NUMA, only="2.0"),
    },
)

LOGS = Table(
    "logs",
    {
        "max_files": Argument("MaxFiles", "int?"),
        "max_file_size": Argument("MaxFileSizeMB", "int?"),
        "enabled": Argument("Enabled", "bool?"),
        "disabled": Argument("Disabled", "bool?"),
    },
)
