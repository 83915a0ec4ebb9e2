locals {
  servers      = { for name, machine in var.machines : name => machine if machine.server }
  cores        = { for name, machine in var.machines : name => coalesce(machine.core, name) if machine.hosting != null }
  public_ip    = { for name, machine in var.machines : name => machine.public_ip != null ? machine.public_ip : (can(cidrhost("${machine.host}/32", 0)) ? machine.host : null) }
  with_role    = { for role in ["registry", "replica", "static"] : role => one([for name, machine in var.machines : name if contains(machine.roles, role)]) }
  first        = length(var.hostings) == 0 ? "dc1" : var.hostings[sort(keys(var.hostings))[0]].datacenter
  registry_dc  = local.with_role.registry == null ? local.first : coalesce(var.machines[local.with_role.registry].datacenter, local.first)
  retry_join   = concat(var.servers, [for machine in values(local.servers) : coalesce(machine.private_ip, machine.host)])
  datacenter   = { for name, machine in var.machines : name => coalesce(machine.datacenter, try(var.hostings[machine.hosting].datacenter, null), local.registry_dc) }
  server_count = length(local.servers)
}

module "machine" {
  source   = "../nomad-machine"
  for_each = var.machines

  name           = each.key
  servers        = each.value.server ? local.server_count : null
  region         = var.nomad_region
  datacenter     = local.datacenter[each.key]
  core           = lookup(local.cores, each.key, null)
  roles          = each.value.roles
  node_class     = each.value.node_class
  public_ip      = each.value.server ? null : local.public_ip[each.key]
  private_cidr   = var.private_cidr
  retry_join     = local.retry_join
  open_api       = each.value.server && var.open_api
  disk           = each.value.disk
  nomad_version  = var.nomad_version
  consul_version = var.consul_version
  nomad_acl      = var.nomad_acl
  nomad_config   = var.nomad_config
  consul_config  = var.consul_config
  secrets        = { for key, path in var.secrets : key => path == null ? null : "file:${path}" }
}

# A changed set-up runs again, on all machines that it is of and a few at a time: `-parallelism=1` goes one by one. Running
# tasks outlive the restart of their Nomad client. A destroy leaves the machine as it is.
resource "terraform_data" "machine" {
  for_each = var.machines

  triggers_replace = {
    host   = each.value.host
    script = sha256(module.machine[each.key].script)
  }

  connection {
    type                = "ssh"
    host                = each.value.host
    port                = each.value.port
    user                = var.user
    private_key         = var.private_key_file == null ? null : file(var.private_key_file)
    agent               = var.private_key_file == null
    host_key            = each.value.host_key
    timeout             = var.timeout
    bastion_host        = try(var.bastion.host, null)
    bastion_port        = try(var.bastion.port, null)
    bastion_user        = try(var.bastion.user, null)
    bastion_host_key    = try(var.bastion.host_key, null)
    bastion_private_key = var.bastion == null || var.private_key_file == null ? null : file(var.private_key_file)
  }

  # Into the user's own folder: in /tmp another user could put a file of that name in its way.
  provisioner "file" {
    content     = module.machine[each.key].script
    destination = ".pryv-machine-setup"
  }

  provisioner "remote-exec" {
    inline = [
      "set -e",
      "chmod 700 .pryv-machine-setup",
      var.user == "root" ? "bash ./.pryv-machine-setup" : "sudo -n bash ./.pryv-machine-setup",
      "rm -f .pryv-machine-setup",
    ]
  }
}
