"""Tasks: driver and its config, templates, artifacts, resources, mounts."""

from __future__ import annotations

from pryv_nomad.specs.hcl.schema.common import (
    AFFINITY,
    CONSTRAINT,
    CONSUL,
    RESTART,
    TASK_SCALING,
)
from pryv_nomad.specs.hcl.schema.resources import LOGS, RESOURCES
from pryv_nomad.specs.hcl.schema.rows import Argument, Nested, Table, any_map, many, one, text_map
from pryv_nomad.specs.hcl.schema.service import IDENTITY, SERVICE

VAULT = Table(
    "vault",
    {
        "policies": Argument("Policies", "strings"),
        "namespace": Argument("Namespace", "string?"),
        "env": Argument("Env", "bool?"),
        "disable_file": Argument("DisableFile", "bool?"),
        "change_mode": Argument("ChangeMode", "string?"),
        "change_signal": Argument("ChangeSignal", "string?"),
        "role": Argument("Role", "string", only="2.0"),
        "cluster": Argument("Cluster", "string", only="2.0"),
        "allow_token_expiration": Argument("AllowTokenExpiration", "bool?", only="2.0"),
    },
)

SECRET = Table(
    "secret",
    {"provider": Argument("Provider", "string"), "path": Argument("Path", "string")},
    {"config": any_map("Config"), "env": text_map("Env")},
    label="Name",
)

CHANGE_SCRIPT = Table(
    "change_script",
    {
        "command": Argument("Command", "string?"),
        "args": Argument("Args", "strings"),
        "timeout": Argument("Timeout", "duration?"),
        "fail_on_error": Argument("FailOnError", "bool?"),
        "run_on_first_render": Argument("RunOnFirstRender", "bool?", only="2.0"),
    },
)

TEMPLATE = Table(
    "template",
    {
        "source": Argument("SourcePath", "string?"),
        "destination": Argument("DestPath", "string?"),
        "data": Argument("EmbeddedTmpl", "string?"),
        "change_mode": Argument("ChangeMode", "string?"),
        "change_signal": Argument("ChangeSignal", "string?"),
        "once": Argument("Once", "bool?", only="2.0"),
        "splay": Argument("Splay", "duration?"),
        "perms": Argument("Perms", "string?"),
        "uid": Argument("Uid", "int?"),
        "gid": Argument("Gid", "int?"),
        "left_delimiter": Argument("LeftDelim", "string?"),
        "right_delimiter": Argument("RightDelim", "string?"),
        "env": Argument("Envvars", "bool?"),
        "vault_grace": Argument("VaultGrace", "duration?"),
        "error_on_missing_key": Argument("ErrMissingKey", "bool?"),
    },
    {
        "change_script": one("ChangeScript", CHANGE_SCRIPT),
        "wait": one("Wait", Table("wait", {"min": Argument("Min", "duration?"), "max": Argument("Max", "duration?")})),
    },
)

ARTIFACT = Table(
    "artifact",
    {
        "source": Argument("GetterSource", "string?"),
        "mode": Argument("GetterMode", "string?"),
        "destination": Argument("RelativeDest", "string?"),
        "insecure": Argument("GetterInsecure", "bool?", only="2.0"),
        "chown": Argument("Chown", "bool", only="2.0"),
    },
    {"options": text_map("GetterOptions"), "headers": text_map("GetterHeaders")},
)

VOLUME_MOUNT = Table(
    "volume_mount",
    {
        "volume": Argument("Volume", "string?"),
        "destination": Argument("Destination", "string?"),
        "read_only": Argument("ReadOnly", "bool?"),
        "propagation_mode": Argument("PropagationMode", "string?"),
        "selinux_label": Argument("SELinuxLabel", "string?", only="2.0"),
    },
)

CSI_PLUGIN = Table(
    "csi_plugin",
    {
        "id": Argument("ID", "string"),
        "type": Argument("Type", "string"),
        "mount_dir": Argument("MountDir", "string"),
        "stage_publish_base_dir": Argument("StagePublishBaseDir", "string"),
        "health_timeout": Argument("HealthTimeout", "duration"),
    },
)

LIFECYCLE = Table(
    "lifecycle",
    {"hook": Argument("Hook", "string", required="2.0"), "sidecar": Argument("Sidecar", "bool")},
)

ACTION = Table(
    "action",
    {"command": Argument("Command", "string", required="2.0"), "args": Argument("Args", "strings")},
    label="Name",
)

SCHEDULE = Table(
    "schedule",
    blocks={
        "cron": one(
            "Cron",
            Table(
                "cron",
                {
                    "start": Argument("Start", "string"),
                    "end": Argument("End", "string"),
                    "timezone": Argument("Timezone", "string"),
                },
            ),
        )
    },
)

TASK = Table(
    "task",
    {
        "driver": Argument("Driver", "string"),
        "user": Argument("User", "string"),
        "kill_timeout": Argument("KillTimeout", "duration?"),
        "kill_signal": Argument("KillSignal", "string"),
        "leader": Argument("Leader", "bool"),
        "shutdown_delay": Argument("ShutdownDelay", "duration"),
        "kind": Argument("Kind", "string"),
    },
    {
        "lifecycle": one("Lifecycle", LIFECYCLE),
        "config": any_map("Config"),
        "constraint": many("Constraints", CONSTRAINT),
        "affinity": many("Affinities", AFFINITY),
        "env": text_map("Env", or_argument=True),
        "meta": text_map("Meta", or_argument=True),
        "service": many("Services", SERVICE),
        "resources": one("Resources", RESOURCES),
        "restart": one("RestartPolicy", RESTART),
        "logs": one("LogConfig", LOGS),
        "artifact": many("Artifacts", ARTIFACT),
        "vault": one("Vault", VAULT),
        "consul": one("Consul", CONSUL, only="2.0"),
        "template": many("Templates", TEMPLATE),
        "dispatch_payload": one("DispatchPayload", Table("dispatch_payload", {"file": Argument("File", "string")})),
        "volume_mount": many("VolumeMounts", VOLUME_MOUNT),
        "csi_plugin": one("CSIPluginConfig", CSI_PLUGIN),
        "scaling": many("ScalingPolicies", TASK_SCALING),
        # 1.6 takes one identity; 2.x several, and normalisation puts the default one where 1.6 has it.
        "identity": Nested("Identities", "many", IDENTITY, once_in="1.6"),
        "secret": many("Secrets", SECRET, only="2.0"),
        "action": many("Actions", ACTION, only="2.0"),
        "schedule": one("Schedule", SCHEDULE, only="2.0"),
    },
    label="Name",
)
