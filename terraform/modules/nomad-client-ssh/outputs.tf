output "machines" {
  description = "Datacenters, hostings, cores, registry and static site in the words of cluster.yml: pass it on as the root module's output pryv_machines, for `pryv-nomad terraform inventory`."
  value = {
    datacenters = distinct(concat([local.registry_dc], [for name in sort(keys(var.machines)) : local.datacenter[name] if !var.machines[name].server]))
    hostings    = { for key, hosting in var.hostings : key => { datacenter = hosting.datacenter, url = hosting.url, name = hosting.name, description = hosting.description } }
    cores = [
      for name in sort(keys(local.cores)) : {
        name       = local.cores[name]
        hosting    = var.machines[name].hosting
        ip         = local.public_ip[name]
        node_class = var.machines[name].node_class
      }
    ]
    registry = local.with_role.registry == null ? null : {
      ip           = local.public_ip[local.with_role.registry]
      interface_ip = null
      private_ip   = local.with_role.replica == null ? null : var.machines[local.with_role.registry].private_ip
      datacenter   = local.registry_dc
      replica = local.with_role.replica == null ? null : {
        ip         = local.public_ip[local.with_role.replica]
        datacenter = local.datacenter[local.with_role.replica]
      }
    }
    static = local.with_role.static == null ? null : {
      ip         = local.public_ip[local.with_role.static]
      datacenter = local.datacenter[local.with_role.static]
    }
  }

  # Who reads this waits until the machines are set up.
  depends_on = [terraform_data.machine]
}

output "scripts" {
  description = "The set-up of each machine, as a shell script for root: what was run there, or is to be run by hand."
  value       = { for name, machine in module.machine : name => machine.script }
}
