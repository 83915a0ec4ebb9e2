output "machines" {
  description = "Datacenters, hostings, cores, registry and static site in the words of cluster.yml: pass it on as the root module's output pryv_machines, for `pryv-nomad terraform inventory`."
  value = {
    datacenters = distinct(concat([local.registry_dc], [for machine in values(local.machines) : machine.datacenter]))
    hostings = {
      for key, hosting in var.hostings : key => {
        datacenter  = hosting.datacenter
        url         = hosting.url
        name        = hosting.name
        description = hosting.description
      }
    }
    cores = [
      for name in sort(keys(var.cores)) : {
        name       = name
        hosting    = var.cores[name].hosting
        ip         = aws_eip.machine[name].public_ip
        node_class = var.cores[name].node_class
      }
    ]
    registry = {
      ip           = aws_eip.machine["registry"].public_ip
      interface_ip = aws_instance.machine["registry"].private_ip
      private_ip   = var.replica == null ? null : aws_instance.machine["registry"].private_ip
      datacenter   = local.registry_dc
      replica = var.replica == null ? null : {
        ip           = aws_eip.machine["replica"].public_ip
        interface_ip = aws_instance.machine["replica"].private_ip
        datacenter   = local.machines["replica"].datacenter
      }
    }
    static = {
      ip         = aws_eip.machine[var.static == null ? "registry" : "static"].public_ip
      datacenter = local.machines[var.static == null ? "registry" : "static"].datacenter
    }
  }
}

output "private_ips" {
  description = "Private address of each machine, by name."
  value       = { for name, machine in aws_instance.machine : name => machine.private_ip }
}

output "servers_group" {
  description = "Name of the auto-scaling group of the servers."
  value       = aws_autoscaling_group.servers.name
}

output "vpc_id" {
  description = "The VPC, for peering."
  value       = aws_vpc.this.id
}

output "private_route_table_ids" {
  description = "Route tables of the private subnets, for peering."
  value       = [for table in values(aws_route_table.private) : table.id]
}

output "public_route_table_id" {
  description = "Route table of the public subnets, for peering."
  value       = aws_route_table.public.id
}
