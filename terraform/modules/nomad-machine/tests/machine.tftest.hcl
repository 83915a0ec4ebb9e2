variables {
  private_cidr = "10.20.0.0/16"
  retry_join   = ["10.20.0.5"]
}

run "a_core_has_its_meta_volumes_and_private_network" {
  command = plan

  variables {
    name      = "co1"
    core      = "co1"
    public_ip = "203.0.113.1"
  }

  assert {
    condition     = jsondecode(output.files["/etc/nomad.d/10-pryv.json"].content).client.meta == { pryv_core = "co1", pryv_public_ip = "203.0.113.1" }
    error_message = "a core is found by its meta"
  }
  assert {
    condition = keys(jsondecode(output.files["/etc/nomad.d/10-pryv.json"].content).client.host_volume) == [
      "pryv-core-data", "pryv-influxdb-backup", "pryv-influxdb-data", "pryv-mongodb-backup", "pryv-mongodb-data",
    ]
    error_message = "a core has the volumes that cluster.yml names by default"
  }
  assert {
    condition = (
      jsondecode(output.files["/etc/nomad.d/10-pryv.json"].content).client.host_network.private.cidr == "10.20.0.0/16" &&
      jsondecode(output.files["/etc/nomad.d/10-pryv.json"].content).client.max_kill_timeout == "10m" &&
      jsondecode(output.files["/etc/nomad.d/10-pryv.json"].content).plugin[0].docker[0].config[0].volumes.enabled
    )
    error_message = "a client is what docs/client-prerequisites.md says"
  }
}

run "roles_share_a_machine" {
  command = plan

  variables {
    roles = ["registry", "static"]
  }

  assert {
    condition     = jsondecode(output.files["/etc/nomad.d/10-pryv.json"].content).client.meta == { pryv_role = "registry,static" }
    error_message = "roles stand in one value"
  }
  assert {
    condition     = keys(jsondecode(output.files["/etc/nomad.d/10-pryv.json"].content).client.host_volume) == ["pryv-redis-data", "pryv-registry-files"]
    error_message = "the registry has the volumes of redis and of its followers"
  }
}

run "a_server_is_no_client" {
  command = plan

  variables {
    servers = 3
    secrets = { nomad_gossip = "ssm:/pryv/nomad" }
  }

  assert {
    condition     = jsondecode(output.files["/etc/nomad.d/10-pryv.json"].content).server.bootstrap_expect == 3 && !can(jsondecode(output.files["/etc/nomad.d/10-pryv.json"].content).client)
    error_message = "servers run no jobs"
  }
  assert {
    condition     = jsondecode(output.files["/etc/consul.d/10-pryv.json"].content).server && strcontains(output.files["/etc/pryv/machine.env"].content, "NOMAD_GOSSIP='ssm:/pryv/nomad'")
    error_message = "servers of Nomad are servers of Consul, and read the key of their gossip"
  }
}

run "nomad_waits_for_the_disk" {
  command = plan

  variables {
    core = "co1"
    disk = "/dev/disk/by-id/scsi-0DATA"
  }

  assert {
    condition     = strcontains(output.files["/etc/systemd/system/nomad.service.d/10.conf"].content, "RequiresMountsFor=/opt/pryv\n")
    error_message = "a core without its disk would start with empty databases"
  }
}

run "further_configuration_is_laid_over" {
  command = plan

  variables {
    nomad_config  = { telemetry = { prometheus_metrics = true } }
    consul_config = { acl = { enabled = true } }
  }

  assert {
    condition     = output.files["/etc/nomad.d/20-own.json"].content == "{\"telemetry\":{\"prometheus_metrics\":true}}\n" && contains(keys(output.files), "/etc/consul.d/20-own.json")
    error_message = "further configuration is a file of its own"
  }
}

run "what_cannot_be_meant_is_refused" {
  command = plan

  variables {
    name                = "a b"
    core                = "co.1"
    roles               = ["core"]
    servers             = 2
    public_ip           = "not an address"
    private_cidr        = "0.0.0.0/0"
    retry_join          = []
    data_dir            = "/opt/'; rm"
    disk                = "sdb"
    volumes             = ["a/b"]
    nomad_version       = "1.6"
    consul_version      = "latest"
    apt_key_fingerprint = "798A"
    secrets             = { consul_gossip = "cg8StVXbQJ0gPvMd9o7yrg==", ca = "file:/etc/ca.pem" }
  }

  expect_failures = [
    var.name, var.core, var.roles, var.servers, var.public_ip, var.private_cidr, var.retry_join, var.data_dir, var.disk, var.volumes,
    var.nomad_version, var.consul_version, var.apt_key_fingerprint, var.secrets,
  ]
}
