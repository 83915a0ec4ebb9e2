# What the module would make, against the provider's own schema and without an account.

mock_provider "aws" {
  mock_resource "aws_eip" {
    defaults = { public_ip = "203.0.113.9" }
  }
  mock_resource "aws_instance" {
    defaults = { private_ip = "10.20.1.9" }
  }
  mock_resource "aws_ebs_volume" {
    defaults = { id = "vol-0123456789abcdef0" }
  }
  mock_resource "aws_launch_template" {
    defaults = { id = "lt-0123456789abcdef0" }
  }
  mock_data "aws_region" {
    defaults = { name = "eu-central-2" }
  }
  mock_data "aws_partition" {
    defaults = { partition = "aws" }
  }
  mock_data "aws_caller_identity" {
    defaults = { account_id = "123456789012" }
  }
  mock_data "aws_ami" {
    defaults = { id = "ami-0123456789abcdef0", root_device_name = "/dev/xvda" }
  }
}

variables {
  availability_zones = ["eu-central-2a", "eu-central-2b", "eu-central-2c"]
  hostings = {
    ch = { datacenter = "zurich", url = "https://ch.example", name = "Switzerland" }
    fr = { datacenter = "paris", url = "https://fr.example", availability_zone = "eu-central-2b" }
  }
  cores = {
    co1 = { hosting = "ch" }
    co2 = { hosting = "ch", instance_type = "m6i.xlarge", disk_gb = 500, availability_zone = "eu-central-2c", node_class = "large" }
    fr1 = { hosting = "fr" }
  }
  replica = { availability_zone = "eu-central-2b" }
  static  = {}
}

run "the_world_reaches_80_443_and_53_of_registries_and_nothing_else" {
  command = plan

  assert {
    condition = toset([
      for rule in aws_vpc_security_group_ingress_rule.public : "${rule.ip_protocol} ${rule.from_port}-${rule.to_port} ${rule.cidr_ipv4}"
    ]) == toset(["tcp 80-80 0.0.0.0/0", "tcp 443-443 0.0.0.0/0", "udp 53-53 0.0.0.0/0"])
    error_message = "open to the world: ${jsonencode([for rule in aws_vpc_security_group_ingress_rule.public : rule.from_port])}"
  }
  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.inside : rule.cidr_ipv4 == null && rule.cidr_ipv6 == null])
    error_message = "what is inside must be open to groups only"
  }
  assert {
    condition = length([
      for rule in aws_vpc_security_group_ingress_rule.inside : rule
      if anytrue([for port in [27017, 8086, 4222] : rule.from_port <= port && port <= rule.to_port])
    ]) == 0
    error_message = "a core's databases are reached on its own machine only"
  }
  assert {
    condition     = length(aws_vpc_security_group_ingress_rule.admin) == 0
    error_message = "operators have no way in unless they are given one"
  }
  assert {
    condition     = [for name, groups in local.groups_of : name if contains(groups, "dns")] == ["registry", "replica"]
    error_message = "53/udp is for the registry and its replica"
  }
  assert {
    condition     = alltrue([for groups in values(local.groups_of) : contains(groups, "machines") && contains(groups, "edges") && !contains(groups, "servers")])
    error_message = "machines of the platform are no servers"
  }
}

run "machines_are_pets_with_encrypted_disks_closed_metadata_and_few_rights" {
  command = plan

  assert {
    condition     = keys(aws_ebs_volume.data) == ["co1", "co2", "fr1", "registry", "replica"]
    error_message = "disks are ${jsonencode(keys(aws_ebs_volume.data))}"
  }
  assert {
    condition = alltrue(concat(
      [for disk in aws_ebs_volume.data : disk.encrypted && disk.final_snapshot],
      [for machine in aws_instance.machine : machine.root_block_device[0].encrypted],
      [aws_launch_template.server.block_device_mappings[0].ebs[0].encrypted == "true"],
    ))
    error_message = "every disk must be encrypted"
  }
  assert {
    condition     = aws_ebs_volume.data["co1"].size == 100 && aws_ebs_volume.data["co2"].size == 500
    error_message = "a core may have its own size of disk"
  }
  assert {
    condition     = { for name, disk in aws_ebs_volume.data : name => disk.availability_zone } == { co1 = "eu-central-2a", co2 = "eu-central-2c", fr1 = "eu-central-2b", registry = "eu-central-2a", replica = "eu-central-2b" }
    error_message = "a disk is in the zone of its core, else of its hosting, else the first"
  }
  assert {
    condition     = alltrue([for machine in aws_instance.machine : machine.disable_api_termination && machine.maintenance_options[0].auto_recovery == "default"])
    error_message = "machines of the platform are pets"
  }
  assert {
    condition = alltrue([
      for options in concat([for machine in aws_instance.machine : machine.metadata_options[0]], [aws_launch_template.server.metadata_options[0]]) :
      options.http_tokens == "required" && options.http_put_response_hop_limit == 1
    ])
    error_message = "IMDSv2 is required"
  }
  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.this : flatten([for statement in jsondecode(policy.policy).Statement : statement.Action]) == ["ec2:DescribeInstances"]])
    error_message = "policies are ${jsonencode([for policy in aws_iam_role_policy.this : policy.policy])}"
  }
}

run "a_key_of_the_user_encrypts_every_disk" {
  command = plan

  variables {
    kms_key_id = "arn:aws:kms:eu-central-2:123456789012:key/1"
  }

  assert {
    condition = alltrue(concat(
      [for disk in aws_ebs_volume.data : disk.kms_key_id == var.kms_key_id],
      [for machine in aws_instance.machine : machine.root_block_device[0].kms_key_id == var.kms_key_id],
      [aws_launch_template.server.block_device_mappings[0].ebs[0].kms_key_id == var.kms_key_id],
    ))
    error_message = "the key must reach every disk"
  }
}

run "machines_read_their_own_secrets_and_no_others" {
  command = plan

  variables {
    server_secrets      = { nomad_gossip = "/pryv/nomad-gossip", consul_gossip = "/pryv/consul-gossip" }
    client_secrets      = { consul_gossip = "/pryv/consul-gossip" }
    secrets_kms_key_arn = "arn:aws:kms:eu-central-2:123456789012:key/2"
  }

  assert {
    condition     = jsondecode(aws_iam_role_policy.this["machines"].policy).Statement[1].Resource == ["arn:aws:ssm:eu-central-2:123456789012:parameter/pryv/consul-gossip"]
    error_message = "the policy is ${aws_iam_role_policy.this["machines"].policy}"
  }
  assert {
    condition     = length(jsondecode(aws_iam_role_policy.this["servers"].policy).Statement[1].Resource) == 2 && jsondecode(aws_iam_role_policy.this["servers"].policy).Statement[2].Resource == ["arn:aws:kms:eu-central-2:123456789012:key/2"]
    error_message = "the policy is ${aws_iam_role_policy.this["servers"].policy}"
  }
}

run "machines_are_what_cluster_yml_needs" {
  command = apply

  assert {
    condition     = output.machines.datacenters == tolist(["zurich", "paris"])
    error_message = "datacenters are ${jsonencode(output.machines.datacenters)}"
  }
  assert {
    condition     = output.machines.cores[1] == { name = "co2", hosting = "ch", ip = "203.0.113.9", node_class = "large" }
    error_message = "cores are ${jsonencode(output.machines.cores)}"
  }
  assert {
    condition     = output.machines.hostings["ch"].url == "https://ch.example" && output.machines.registry.private_ip == "10.20.1.9" && output.machines.registry.replica.datacenter == "zurich"
    error_message = "machines are ${jsonencode(output.machines)}"
  }
}

run "without_a_replica_and_a_static_machine_the_registry_is_all" {
  command = apply

  variables {
    replica = null
    static  = null
    cores   = {}
  }

  assert {
    condition     = keys(aws_instance.machine) == ["registry"] && output.machines.registry.replica == null && output.machines.static.ip == output.machines.registry.ip
    error_message = "machines are ${jsonencode(keys(aws_instance.machine))}"
  }
}

run "operators_come_from_private_networks" {
  command = plan

  variables {
    admin_cidrs = ["10.99.0.0/16"]
    key_name    = "ops"
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.admin) == ["machines-22-10.99.0.0/16", "servers-22-10.99.0.0/16", "servers-4646-10.99.0.0/16", "servers-8500-10.99.0.0/16"]
    error_message = "rules are ${jsonencode(keys(aws_vpc_security_group_ingress_rule.admin))}"
  }
}

run "a_zone_without_subnets_is_refused" {
  command = plan

  variables {
    cores = { co1 = { hosting = "ch", availability_zone = "eu-central-2z" } }
  }

  expect_failures = [aws_instance.machine]
}

run "what_cannot_be_meant_is_refused" {
  command = plan

  variables {
    name               = "Pryv Lab"
    cores              = { "co.1" = { hosting = "ch" }, registry = { hosting = "nowhere", disk_gb = 1 } }
    vpc_cidr           = "203.0.113.0/24"
    admin_cidrs        = ["0.0.0.0/0"]
    servers            = 2
    disk_type          = "gp2"
    ami_id             = "debian"
    client_secrets     = { consul_gossip = "cg8StVXbQJ0gPvMd9o7yrg==" }
    availability_zones = ["eu-central-2a", "eu-central-2a"]
  }

  expect_failures = [
    var.name, var.cores, var.vpc_cidr, var.admin_cidrs, var.servers, var.disk_type, var.ami_id, var.client_secrets, var.availability_zones,
  ]
}

run "a_hosting_with_a_path_is_refused" {
  command = plan

  variables {
    hostings = { ch = { datacenter = "zurich", url = "https://ch.example/path" }, fr = { datacenter = "paris" } }
  }

  expect_failures = [var.hostings]
}
