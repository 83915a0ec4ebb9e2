locals {
  tags = merge(var.tags, { PryvCluster = var.name })

  zones     = { for index, zone in var.availability_zones : zone => index }
  nat_zones = toset(var.nat_gateway_per_zone ? var.availability_zones : [var.availability_zones[0]])

  retry_join = ["provider=aws region=${data.aws_region.this.name} tag_key=PryvServer tag_value=${var.name} addr_type=private_v4"]

  # Keys are sorted, so a platform's first datacenter does not depend on the order of a map in a file.
  first_hosting = var.hostings[sort(keys(var.hostings))[0]]
  registry_dc   = coalesce(var.registry.datacenter, local.first_hosting.datacenter)
  zone_of       = { for key, hosting in var.hostings : key => coalesce(hosting.availability_zone, var.availability_zones[0]) }

  cores = {
    for name, core in var.cores : name => {
      core          = name
      roles         = []
      datacenter    = try(var.hostings[core.hosting].datacenter, "")
      zone          = coalesce(core.availability_zone, try(local.zone_of[core.hosting], null), var.availability_zones[0])
      instance_type = coalesce(core.instance_type, var.instance_type)
      disk_gb       = coalesce(core.disk_gb, var.disk_gb)
      node_class    = core.node_class
      dns           = false
    }
  }

  others = {
    for name, machine in {
      registry = var.registry
      replica  = var.replica
      static   = var.static == null ? null : merge(var.static, { disk_gb = 0 })
      } : name => {
      core          = null
      roles         = name == "registry" && var.static == null ? ["registry", "static"] : [name]
      datacenter    = coalesce(machine.datacenter, local.registry_dc)
      zone          = coalesce(machine.availability_zone, var.availability_zones[0])
      instance_type = coalesce(machine.instance_type, var.instance_type)
      disk_gb       = machine.disk_gb
      node_class    = null
      dns           = name != "static"
    } if machine != null
  }

  machines = merge(local.cores, local.others)
  groups_of = {
    for name, machine in local.machines : name => concat(["machines", "edges"], machine.dns ? ["dns"] : [])
  }
  disks = { for name, machine in local.machines : name => machine if machine.disk_gb > 0 }
}

# The newest Debian 12 of Debian's own account, or the given image.
data "aws_ami" "image" {
  most_recent = true
  owners      = var.ami_id == null ? ["136693071363"] : null

  filter {
    name   = var.ami_id == null ? "name" : "image-id"
    values = [var.ami_id == null ? "debian-12-amd64-*" : var.ami_id]
  }
}
