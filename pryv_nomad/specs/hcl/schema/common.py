"""Blocks that stand in jobs, groups and tasks alike."""

from __future__ import annotations

from pryv_nomad.specs.hcl.schema.rows import Argument, Nested, Table, any_map, many, one

# Shorthands such as `version = ">= 1.2"` set Operand and RTarget together: see decode.py.
CONSTRAINT = Table("constraint", special="constraint")
AFFINITY = Table("affinity", special="affinity")

SPREAD_TARGET = Table("target", {"percent": Argument("Percent", "uint8")}, label="Value")

SPREAD = Table(
    "spread",
    {"attribute": Argument("Attribute", "string"), "weight": Argument("Weight", "int8?")},
    {"target": many("SpreadTarget", SPREAD_TARGET)},
)

UPDATE = Table(
    "update",
    {
        "stagger": Argument("Stagger", "duration?"),
        "max_parallel": Argument("MaxParallel", "int?"),
        "health_check": Argument("HealthCheck", "string?"),
        "min_healthy_time": Argument("MinHealthyTime", "duration?"),
        "healthy_deadline": Argument("HealthyDeadline", "duration?"),
        "progress_deadline": Argument("ProgressDeadline", "duration?"),
        "canary": Argument("Canary", "int?"),
        "auto_revert": Argument("AutoRevert", "bool?"),
        "auto_promote": Argument("AutoPromote", "bool?"),
    },
)

RESCHEDULE = Table(
    "reschedule",
    {
        "attempts": Argument("Attempts", "int?"),
        "interval": Argument("Interval", "duration?"),
        "delay": Argument("Delay", "duration?"),
        "delay_function": Argument("DelayFunction", "string?"),
        "max_delay": Argument("MaxDelay", "duration?"),
        "unlimited": Argument("Unlimited", "bool?"),
    },
)

MIGRATE = Table(
    "migrate",
    {
        "max_parallel": Argument("MaxParallel", "int?"),
        "health_check": Argument("HealthCheck", "string?"),
        "min_healthy_time": Argument("MinHealthyTime", "duration?"),
        "healthy_deadline": Argument("HealthyDeadline", "duration?"),
    },
)

RESTART = Table(
    "restart",
    {
        "interval": Argument("Interval", "duration?"),
        "attempts": Argument("Attempts", "int?"),
        "delay": Argument("Delay", "duration?"),
        "mode": Argument("Mode", "string?"),
        "render_templates": Argument("RenderTemplates", "bool?"),
    },
)

CONSUL = Table(
    "consul",
    {
        "namespace": Argument("Namespace", "string"),
        "cluster": Argument("Cluster", "string", only="2.0"),
        "partition": Argument("Partition", "string", only="2.0"),
    },
)

PORT_ARGUMENTS = {
    "static": Argument("Value", "int"),
    "to": Argument("To", "int"),
    "host_network": Argument("HostNetwork", "string"),
    "ignore_collision": Argument("IgnoreCollision", "bool", only="2.0"),
}

DNS = Table(
    "dns",
    {
        "servers": Argument("Servers", "strings"),
        "searches": Argument("Searches", "strings"),
        "options": Argument("Options", "strings"),
    },
)

CNI = Table("cni", {"args": Argument("Args", "text_map")})

NETWORK = Table(
    "network",
    {
        "mode": Argument("Mode", "string"),
        "device": Argument("Device", "string"),
        "cidr": Argument("CIDR", "string"),
        "ip": Argument("IP", "string"),
        "hostname": Argument("Hostname", "string"),
        "mbits": Argument("MBits", "int?"),
    },
    {
        "dns": one("DNS", DNS),
        "port": many("DynamicPorts", Table("port", PORT_ARGUMENTS, label="Label")),
        "reserved_ports": many("ReservedPorts", Table("reserved_ports", PORT_ARGUMENTS, label="Label")),
        "cni": one("CNI", CNI, only="2.0"),
    },
)

# Set by the server, but in Nomad's struct, so in its JSON.
_SCALING_CONSTANTS = {"ID": "", "Namespace": "", "CreateIndex": 0, "ModifyIndex": 0}
_SCALING_ARGUMENTS = {
    "min": Argument("Min", "int?"),
    "max": Argument("Max", "int?"),
    "enabled": Argument("Enabled", "bool?"),
    "type": Argument("Type", "string"),
}
_SCALING_BLOCKS: dict[str, Nested] = {"policy": any_map("Policy")}

GROUP_SCALING = Table("scaling", _SCALING_ARGUMENTS, _SCALING_BLOCKS, constants=_SCALING_CONSTANTS)

# The label ("cpu" or "mem") becomes the type.
TASK_SCALING = Table(
    "scaling", _SCALING_ARGUMENTS, _SCALING_BLOCKS, label="Type", constants=_SCALING_CONSTANTS, special="task_scaling"
)
