locals {
  server  = var.servers != null
  tls     = var.secrets.ca != null
  address = "{{ GetAllInterfaces | include \"network\" \"${var.private_cidr}\" | limit 1 | attr \"address\" }}"

  # The defaults of `volumes` in cluster.yml.
  default_volumes = concat(
    var.core == null ? [] : ["pryv-core-data", "pryv-influxdb-backup", "pryv-influxdb-data", "pryv-mongodb-backup", "pryv-mongodb-data"],
    length(setintersection(var.roles, ["registry", "replica"])) == 0 ? [] : ["pryv-redis-data", "pryv-registry-files"],
  )
  volumes = sort(var.volumes == null ? local.default_volumes : var.volumes)

  meta = {
    for key, value in {
      pryv_core      = var.core
      pryv_role      = length(var.roles) == 0 ? null : join(",", var.roles)
      pryv_public_ip = var.public_ip
    } : key => value if value != null
  }
}

# -- Nomad -----------------------------------------------------------------------------------------------------------

locals {
  nomad_common = {
    datacenter           = var.datacenter
    region               = var.region
    data_dir             = "/opt/nomad"
    bind_addr            = local.address
    advertise            = { http = local.address, rpc = local.address, serf = local.address }
    consul               = { address = "127.0.0.1:8500" }
    acl                  = { enabled = var.nomad_acl }
    leave_on_interrupt   = false
    leave_on_terminate   = false
    disable_update_check = true
  }

  nomad_server = {
    server = { enabled = true, bootstrap_expect = var.servers }
  }

  nomad_client = {
    client = merge(
      {
        enabled          = true
        host_network     = { private = { cidr = var.private_cidr } }
        host_volume      = { for name in local.volumes : name => { path = "${var.data_dir}/${name}", read_only = false } }
        max_kill_timeout = "10m"
        meta             = local.meta
      },
      var.node_class == null ? {} : { node_class = var.node_class },
    )
    # Nomad reads a block within a block as JSON only in a list.
    plugin = [{
      docker = [{
        config = [merge(
          { volumes = { enabled = true } },
          var.secrets.docker_config == null ? {} : { auth = { config = "/etc/docker/config.json" } },
        )]
      }]
    }]
  }

  nomad_tls = {
    tls = {
      http                   = true
      rpc                    = true
      ca_file                = "/etc/nomad.d/tls/ca.pem"
      cert_file              = "/etc/nomad.d/tls/certificate.pem"
      key_file               = "/etc/nomad.d/tls/key.pem"
      verify_server_hostname = true
      verify_https_client    = false
    }
  }

  # One JSON text each, put together as maps of texts, since the halves of a condition must have one type.
  nomad = {
    for key, text in merge(
      { for key, value in local.nomad_common : key => jsonencode(value) },
      { for key, value in local.nomad_server : key => jsonencode(value) if local.server },
      { for key, value in local.nomad_client : key => jsonencode(value) if !local.server },
      { for key, value in local.nomad_tls : key => jsonencode(value) if local.tls },
      var.name == null ? {} : { name = jsonencode(var.name) },
    ) : key => jsondecode(text)
  }
}

# -- Consul ----------------------------------------------------------------------------------------------------------

locals {
  consul_common = {
    datacenter           = var.consul_datacenter
    data_dir             = "/opt/consul"
    bind_addr            = local.address
    addresses            = { http = var.open_api ? "127.0.0.1 ${local.address}" : "127.0.0.1" }
    retry_join           = var.retry_join
    leave_on_terminate   = false
    disable_update_check = true
  }

  consul_tls = {
    tls = {
      defaults = {
        ca_file         = "/etc/consul.d/tls/ca.pem"
        cert_file       = "/etc/consul.d/tls/certificate.pem"
        key_file        = "/etc/consul.d/tls/key.pem"
        verify_outgoing = true
      }
      internal_rpc = { verify_incoming = true, verify_server_hostname = true }
    }
  }

  consul = {
    for key, text in merge(
      { for key, value in local.consul_common : key => jsonencode(value) },
      local.server ? { server = "true", bootstrap_expect = jsonencode(var.servers) } : { server = "false" },
      { for key, value in local.consul_tls : key => jsonencode(value) if local.tls },
      var.name == null ? {} : { node_name = jsonencode(var.name) },
    ) : key => jsondecode(text)
  }
}

# -- files -----------------------------------------------------------------------------------------------------------

locals {
  settings = {
    NOMAD_VERSION       = var.nomad_version
    CONSUL_VERSION      = var.consul_version
    APT_KEY_FINGERPRINT = var.apt_key_fingerprint
    SERVER              = local.server ? "yes" : ""
    DATA_DIR            = local.server ? "" : var.data_dir
    DISK                = var.disk == null ? "" : var.disk
    VOLUMES             = join(" ", local.volumes)
    CONSUL_GOSSIP       = var.secrets.consul_gossip == null ? "" : var.secrets.consul_gossip
    NOMAD_GOSSIP        = var.secrets.nomad_gossip == null || !local.server ? "" : var.secrets.nomad_gossip
    TLS_CA              = var.secrets.ca == null ? "" : var.secrets.ca
    TLS_CERTIFICATE     = var.secrets.certificate == null ? "" : var.secrets.certificate
    TLS_KEY             = var.secrets.key == null ? "" : var.secrets.key
    DOCKER_CONFIG       = var.secrets.docker_config == null || local.server ? "" : var.secrets.docker_config
  }

  nomad_unit = concat(
    ["[Unit]", "Wants=consul.service", "After=consul.service docker.service"],
    # Without its disk a core would start with empty databases.
    var.disk == null || local.server ? [] : ["RequiresMountsFor=${var.data_dir}"],
  )

  files = merge(
    {
      "/etc/pryv/machine.env"                       = { mode = "0644", content = join("", [for key, value in local.settings : "${key}='${value}'\n"]) }
      "/usr/local/sbin/pryv-machine"                = { mode = "0755", content = file("${path.module}/files/pryv-machine") }
      "/etc/systemd/system/pryv-machine.service"    = { mode = "0644", content = file("${path.module}/files/pryv-machine.service") }
      "/etc/systemd/system/nomad.service.d/10.conf" = { mode = "0644", content = "${join("\n", local.nomad_unit)}\n" }
      "/etc/nomad.d/10-pryv.json"                   = { mode = "0644", content = "${jsonencode(local.nomad)}\n" }
      "/etc/consul.d/10-pryv.json"                  = { mode = "0644", content = "${jsonencode(local.consul)}\n" }
    },
    length(var.nomad_config) == 0 ? {} : {
      "/etc/nomad.d/20-own.json" = { mode = "0644", content = "${jsonencode(var.nomad_config)}\n" }
    },
    length(var.consul_config) == 0 ? {} : {
      "/etc/consul.d/20-own.json" = { mode = "0644", content = "${jsonencode(var.consul_config)}\n" }
    },
  )
}
