# Existing machines, of any provider: one server, the registry with the static site, two cores.
module "machines" {
  source = "../../modules/nomad-client-ssh"

  private_cidr = "10.0.0.0/16"
  user         = "debian"
  hostings     = { ch = { datacenter = "zurich", url = "https://hosting-ch.example", name = "Switzerland" } }

  machines = {
    server1  = { host = "198.51.100.10", private_ip = "10.0.0.10", server = true }
    registry = { host = "198.51.100.20", private_ip = "10.0.0.20", roles = ["registry", "static"] }
    co1      = { host = "198.51.100.31", private_ip = "10.0.0.31", hosting = "ch", disk = "/dev/vdb" }
    co2      = { host = "198.51.100.32", private_ip = "10.0.0.32", hosting = "ch", disk = "/dev/vdb" }
  }

  # Put there before, readable by root only.
  secrets = { consul_gossip = "/root/secrets/consul-gossip", nomad_gossip = "/root/secrets/nomad-gossip" }
}

output "pryv_machines" {
  description = "For `pryv-nomad terraform inventory`."
  value       = module.machines.machines
}
