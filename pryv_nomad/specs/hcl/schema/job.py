"""Jobs and groups."""

from __future__ import annotations

from pryv_nomad.specs.hcl.schema.common import (
    AFFINITY,
    CONSTRAINT,
    CONSUL,
    GROUP_SCALING,
    MIGRATE,
    NETWORK,
    RESCHEDULE,
    RESTART,
    SPREAD,
    UPDATE,
)
from pryv_nomad.specs.hcl.schema.rows import Argument, Table, by_label, many, one, text_map
from pryv_nomad.specs.hcl.schema.service import SERVICE
from pryv_nomad.specs.hcl.schema.task import TASK, VAULT

MOUNT_OPTIONS = Table(
    "mount_options", {"fs_type": Argument("FSType", "string"), "mount_flags": Argument("MountFlags", "strings")}
)

VOLUME = Table(
    "volume",
    {
        "type": Argument("Type", "string"),
        "source": Argument("Source", "string"),
        "read_only": Argument("ReadOnly", "bool"),
        "sticky": Argument("Sticky", "bool", only="2.0"),
        "access_mode": Argument("AccessMode", "string"),
        "attachment_mode": Argument("AttachmentMode", "string"),
        "per_alloc": Argument("PerAlloc", "bool"),
    },
    {"mount_options": one("MountOptions", MOUNT_OPTIONS)},
    label="Name",
)

EPHEMERAL_DISK = Table(
    "ephemeral_disk",
    {
        "sticky": Argument("Sticky", "bool?"),
        "migrate": Argument("Migrate", "bool?"),
        "size": Argument("SizeMB", "int?"),
    },
)

DISCONNECT = Table(
    "disconnect",
    {
        "lost_after": Argument("LostAfter", "duration?"),
        "stop_on_client_after": Argument("StopOnClientAfter", "duration?"),
        "replace": Argument("Replace", "bool?"),
        "reconcile": Argument("Reconcile", "string?"),
    },
)

GROUP = Table(
    "group",
    {
        "count": Argument("Count", "int?"),
        "shutdown_delay": Argument("ShutdownDelay", "duration?"),
        # 2.x still reads these two but ignores them: its own word is the disconnect block.
        "stop_after_client_disconnect": Argument("StopAfterClientDisconnect", "duration?", only="1.6"),
        "max_client_disconnect": Argument("MaxClientDisconnect", "duration?", only="1.6"),
        "max_run_duration": Argument("MaxRunDuration", "duration?", only="2.0"),
        "prevent_reschedule_on_lost": Argument("PreventRescheduleOnLost", "bool?", only="2.0"),
    },
    {
        "constraint": many("Constraints", CONSTRAINT),
        "affinity": many("Affinities", AFFINITY),
        "task": many("Tasks", TASK),
        "spread": many("Spreads", SPREAD),
        "volume": by_label("Volumes", VOLUME),
        "restart": one("RestartPolicy", RESTART),
        "disconnect": one("Disconnect", DISCONNECT, only="2.0"),
        "reschedule": one("ReschedulePolicy", RESCHEDULE),
        "ephemeral_disk": one("EphemeralDisk", EPHEMERAL_DISK),
        "update": one("Update", UPDATE),
        "migrate": one("Migrate", MIGRATE),
        "network": many("Networks", NETWORK),
        "meta": text_map("Meta", or_argument=True),
        "service": many("Services", SERVICE),
        "scaling": one("Scaling", GROUP_SCALING),
        "consul": one("Consul", CONSUL),
        "vault": one("vault", VAULT),  # for the group's tasks: normalisation moves it there
    },
    label="Name",
)

MULTIREGION = Table(
    "multiregion",
    blocks={
        "strategy": one(
            "Strategy",
            Table(
                "strategy",
                {"max_parallel": Argument("MaxParallel", "int?"), "on_failure": Argument("OnFailure", "string?")},
            ),
        ),
        "region": many(
            "Regions",
            Table(
                "region",
                {
                    "count": Argument("Count", "int?"),
                    "datacenters": Argument("Datacenters", "strings"),
                    "node_pool": Argument("NodePool", "string"),
                },
                {"meta": text_map("Meta")},
                label="Name",
            ),
        ),
    },
)

PERIODIC = Table(
    "periodic",
    {
        "enabled": Argument("Enabled", "bool?"),
        "cron": Argument("Spec", "string?"),
        "crons": Argument("Specs", "strings"),
        "prohibit_overlap": Argument("ProhibitOverlap", "bool?"),
        "time_zone": Argument("TimeZone", "string?"),
    },
)

PARAMETERIZED = Table(
    "parameterized",
    {
        "payload": Argument("Payload", "string"),
        "meta_required": Argument("MetaRequired", "strings"),
        "meta_optional": Argument("MetaOptional", "strings"),
    },
)

UI = Table(
    "ui",
    {"description": Argument("Description", "string")},
    {"link": many("Links", Table("link", {"label": Argument("Label", "string"), "url": Argument("URL", "string")}))},
)

JOB = Table(
    "job",
    {
        "region": Argument("Region", "string?"),
        "namespace": Argument("Namespace", "string?"),
        "id": Argument("ID", "string?"),
        "name": Argument("Name", "string?"),
        "type": Argument("Type", "string?"),
        "priority": Argument("Priority", "int?"),
        "all_at_once": Argument("AllAtOnce", "bool?"),
        "datacenters": Argument("Datacenters", "strings"),
        "node_pool": Argument("NodePool", "string?"),
        "consul_token": Argument("ConsulToken", "string?", only="1.6"),
        "vault_token": Argument("VaultToken", "string?", only="1.6"),
    },
    {
        "constraint": many("Constraints", CONSTRAINT),
        "affinity": many("Affinities", AFFINITY),
        "group": many("TaskGroups", GROUP),
        "update": one("Update", UPDATE),
        "multiregion": one("Multiregion", MULTIREGION),
        "spread": many("Spreads", SPREAD),
        "periodic": one("Periodic", PERIODIC),
        "parameterized": one("ParameterizedJob", PARAMETERIZED),
        "reschedule": one("Reschedule", RESCHEDULE),
        "migrate": one("Migrate", MIGRATE),
        "meta": text_map("Meta", or_argument=True),
        "ui": one("UI", UI, only="2.0"),
        # Normalisation gives each lone task a group of its own, and the vault block to all tasks without one.
        "task": many("task", TASK),
        "vault": one("vault", VAULT),
    },
    label="label",
    constants={"Dispatched": False},
)
