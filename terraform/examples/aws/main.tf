# Machines for two hostings of one region. Afterwards:
#   terraform output -json | pryv-nomad terraform inventory -o machines.yml
#   pryv-nomad -c cluster.yml -c machines.yml plan
provider "aws" {
  region = "eu-central-2"
}

module "machines" {
  source = "../../modules/nomad-cluster-aws"

  name               = "pryv"
  availability_zones = ["eu-central-2a", "eu-central-2b", "eu-central-2c"]
  admin_cidrs        = ["10.99.0.0/16"] # the operators' VPN, peered with the VPC

  hostings = {
    ch = { datacenter = "zurich-a", url = "https://hosting-ch.example", name = "Switzerland A" }
    fr = { datacenter = "zurich-b", url = "https://hosting-fr.example", name = "Switzerland B", availability_zone = "eu-central-2b" }
  }

  # One more line is one more core.
  cores = {
    co1 = { hosting = "ch" }
    co2 = { hosting = "ch", disk_gb = 500 }
    co3 = { hosting = "fr", instance_type = "m6i.xlarge" }
  }

  replica = { availability_zone = "eu-central-2b" }
  static  = { instance_type = "t3.small" }

  # Made by hand, once: aws ssm put-parameter --type SecureString --name /pryv/consul-gossip --value "$(consul keygen)"
  server_secrets = { consul_gossip = "/pryv/consul-gossip", nomad_gossip = "/pryv/nomad-gossip" }
  client_secrets = { consul_gossip = "/pryv/consul-gossip", docker_config = "/pryv/docker-config" }
}

output "pryv_machines" {
  description = "For `pryv-nomad terraform inventory`."
  value       = module.machines.machines
}
