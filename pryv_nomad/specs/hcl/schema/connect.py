"""Consul Connect as Nomad 1.6 has it (pryv-nomad's own templates use none of it). What 2.x added is not known here."""

from __future__ import annotations

from pryv_nomad.specs.hcl.schema.resources import LOGS, RESOURCES
from pryv_nomad.specs.hcl.schema.rows import Argument, Table, any_map, by_label, many, one, text_map

UPSTREAM = Table(
    "upstreams",
    {
        "destination_name": Argument("DestinationName", "string"),
        "destination_namespace": Argument("DestinationNamespace", "string"),
        "destination_peer": Argument("DestinationPeer", "string"),
        "destination_partition": Argument("DestinationPartition", "string", only="2.0"),
        "destination_type": Argument("DestinationType", "string"),
        "local_bind_port": Argument("LocalBindPort", "int"),
        "datacenter": Argument("Datacenter", "string"),
        "local_bind_address": Argument("LocalBindAddress", "string"),
        "local_bind_socket_path": Argument("LocalBindSocketPath", "string"),
        "local_bind_socket_mode": Argument("LocalBindSocketMode", "string"),
    },
    {
        "mesh_gateway": one("MeshGateway", Table("mesh_gateway", {"mode": Argument("Mode", "string")})),
        "config": any_map("Config"),
    },
)

EXPOSE = Table(
    "expose",
    blocks={
        "path": many(
            "Paths",
            Table(
                "path",
                {
                    "path": Argument("Path", "string"),
                    "protocol": Argument("Protocol", "string"),
                    "local_path_port": Argument("LocalPathPort", "int"),
                    "listener_port": Argument("ListenerPort", "string"),
                },
            ),
        )
    },
)

TRANSPARENT_PROXY = Table(
    "transparent_proxy",
    {
        "uid": Argument("UID", "string"),
        "outbound_port": Argument("OutboundPort", "uint16"),
        "exclude_inbound_ports": Argument("ExcludeInboundPorts", "strings"),
        "exclude_outbound_ports": Argument("ExcludeOutboundPorts", "uint16s"),
        "exclude_outbound_cidrs": Argument("ExcludeOutboundCIDRs", "strings"),
        "exclude_uids": Argument("ExcludeUIDs", "strings"),
        "no_dns": Argument("NoDNS", "bool"),
    },
)

PROXY = Table(
    "proxy",
    {
        "local_service_address": Argument("LocalServiceAddress", "string"),
        "local_service_port": Argument("LocalServicePort", "int"),
    },
    {
        "expose": one("Expose", EXPOSE),
        "upstreams": many("Upstreams", UPSTREAM),
        "config": any_map("Config"),
        "transparent_proxy": one("TransparentProxy", TRANSPARENT_PROXY, only="2.0"),
    },
)

SIDECAR_SERVICE = Table(
    "sidecar_service",
    {
        "tags": Argument("Tags", "strings"),
        "port": Argument("Port", "string"),
        "disable_default_tcp_check": Argument("DisableDefaultTCPCheck", "bool"),
    },
    {"proxy": one("Proxy", PROXY), "meta": text_map("Meta")},
)

SIDECAR_TASK = Table(
    "sidecar_task",
    {
        "name": Argument("Name", "string"),
        "driver": Argument("Driver", "string"),
        "user": Argument("User", "string"),
        "kill_timeout": Argument("KillTimeout", "duration?"),
        "shutdown_delay": Argument("ShutdownDelay", "duration?"),
        "kill_signal": Argument("KillSignal", "string"),
    },
    {
        "config": any_map("Config"),
        "env": text_map("Env"),
        "meta": text_map("Meta"),
        "resources": one("Resources", RESOURCES),
        "logs": one("LogConfig", LOGS),
    },
)

GATEWAY_PROXY = Table(
    "proxy",
    {
        "connect_timeout": Argument("ConnectTimeout", "duration?"),
        "envoy_gateway_bind_tagged_addresses": Argument("EnvoyGatewayBindTaggedAddresses", "bool"),
        "envoy_gateway_no_default_bind": Argument("EnvoyGatewayNoDefaultBind", "bool"),
        "envoy_dns_discovery_type": Argument("EnvoyDNSDiscoveryType", "string"),
    },
    {
        "envoy_gateway_bind_addresses": by_label(
            "EnvoyGatewayBindAddresses",
            Table(
                "envoy_gateway_bind_addresses",
                {"address": Argument("Address", "string"), "port": Argument("Port", "int")},
                label="Name",
            ),
        ),
        "config": any_map("Config"),
    },
)

INGRESS = Table(
    "ingress",
    blocks={
        "tls": one(
            "TLS",
            Table(
                "tls",
                {
                    "enabled": Argument("Enabled", "bool"),
                    "tls_min_version": Argument("TLSMinVersion", "string"),
                    "tls_max_version": Argument("TLSMaxVersion", "string"),
                    "cipher_suites": Argument("CipherSuites", "strings"),
                },
            ),
        ),
        "listener": many(
            "Listeners",
            Table(
                "listener",
                {"port": Argument("Port", "int"), "protocol": Argument("Protocol", "string")},
                {
                    "service": many(
                        "Services",
                        Table(
                            "service",
                            {"name": Argument("Name", "string"), "hosts": Argument("Hosts", "strings")},
                        ),
                    )
                },
            ),
        ),
    },
)

TERMINATING = Table(
    "terminating",
    blocks={
        "service": many(
            "Services",
            Table(
                "service",
                {
                    "name": Argument("Name", "string"),
                    "ca_file": Argument("CAFile", "string"),
                    "cert_file": Argument("CertFile", "string"),
                    "key_file": Argument("KeyFile", "string"),
                    "sni": Argument("SNI", "string"),
                },
            ),
        )
    },
)

GATEWAY = Table(
    "gateway",
    blocks={
        "proxy": one("Proxy", GATEWAY_PROXY),
        "ingress": one("Ingress", INGRESS),
        "terminating": one("Terminating", TERMINATING),
        "mesh": one("Mesh", Table("mesh")),
    },
)

CONNECT = Table(
    "connect",
    {"native": Argument("Native", "bool")},
    {
        "gateway": one("Gateway", GATEWAY),
        "sidecar_service": one("SidecarService", SIDECAR_SERVICE),
        "sidecar_task": one("SidecarTask", SIDECAR_TASK),
    },
)
