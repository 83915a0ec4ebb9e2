"""Services, their checks, and workload identities."""

from __future__ import annotations

from pryv_nomad.specs.hcl.schema.connect import CONNECT
from pryv_nomad.specs.hcl.schema.rows import Argument, Nested, Table, many, one, text_map

IDENTITY = Table(
    "identity",
    {
        "env": Argument("Env", "bool"),
        "file": Argument("File", "bool"),
        "name": Argument("Name", "string", only="2.0"),
        "aud": Argument("Audience", "strings", only="2.0"),
        "change_mode": Argument("ChangeMode", "string", only="2.0"),
        "change_signal": Argument("ChangeSignal", "string", only="2.0"),
        "filepath": Argument("Filepath", "string", only="2.0"),
        "service_name": Argument("ServiceName", "string", only="2.0"),
        "ttl": Argument("TTL", "duration", only="2.0"),
        "extra_claims": Argument("ExtraClaims", "strings", only="2.0"),
    },
)

CHECK_RESTART = Table(
    "check_restart",
    {
        "limit": Argument("Limit", "int"),
        "grace": Argument("Grace", "duration?"),
        "ignore_warnings": Argument("IgnoreWarnings", "bool"),
    },
)

CHECK = Table(
    "check",
    {
        "name": Argument("Name", "string"),
        "type": Argument("Type", "string"),
        "command": Argument("Command", "string"),
        "args": Argument("Args", "strings"),
        "path": Argument("Path", "string"),
        "protocol": Argument("Protocol", "string"),
        "port": Argument("PortLabel", "string"),
        "expose": Argument("Expose", "bool"),
        "address_mode": Argument("AddressMode", "string"),
        "advertise": Argument("Advertise", "string"),
        "interval": Argument("Interval", "duration"),
        "timeout": Argument("Timeout", "duration"),
        "initial_status": Argument("InitialStatus", "string"),
        "notes": Argument("Notes", "string", only="2.0"),
        "tls_server_name": Argument("TLSServerName", "string"),
        "tls_skip_verify": Argument("TLSSkipVerify", "bool"),
        "method": Argument("Method", "string"),
        "grpc_service": Argument("GRPCService", "string"),
        "grpc_use_tls": Argument("GRPCUseTLS", "bool"),
        "task": Argument("TaskName", "string"),
        "success_before_passing": Argument("SuccessBeforePassing", "int"),
        "failures_before_critical": Argument("FailuresBeforeCritical", "int"),
        "failures_before_warning": Argument("FailuresBeforeWarning", "int", only="2.0"),
        "body": Argument("Body", "string"),
        "on_update": Argument("OnUpdate", "string"),
    },
    {"header": Nested("Header", "texts_map"), "check_restart": one("CheckRestart", CHECK_RESTART)},
)

WEIGHTS = Table("weights", {"passing": Argument("Passing", "int"), "warning": Argument("Warning", "int")})

SERVICE = Table(
    "service",
    {
        "name": Argument("Name", "string"),
        "tags": Argument("Tags", "strings"),
        "canary_tags": Argument("CanaryTags", "strings"),
        "enable_tag_override": Argument("EnableTagOverride", "bool"),
        "port": Argument("PortLabel", "string"),
        "address_mode": Argument("AddressMode", "string"),
        "address": Argument("Address", "string"),
        "task": Argument("TaskName", "string"),
        "on_update": Argument("OnUpdate", "string"),
        "provider": Argument("Provider", "string"),
        "cluster": Argument("Cluster", "string", only="2.0"),
        "kind": Argument("Kind", "string", only="2.0"),
    },
    {
        "check": many("Checks", CHECK),
        "check_restart": one("CheckRestart", CHECK_RESTART),
        "connect": one("Connect", CONNECT),
        "meta": text_map("Meta"),
        "canary_meta": text_map("CanaryMeta"),
        "tagged_addresses": text_map("TaggedAddresses"),
        "identity": one("Identity", IDENTITY, only="2.0"),
        "weights": one("Weights", WEIGHTS, only="2.0"),
    },
)
