# What is open, and to whom. Public: 80 and 443 of machines with an edge, 53/udp of the registry's. Nothing else: MongoDB,
# InfluxDB, redis and NATS have no authentication. A core talks to its own databases on its own machine, which passes no
# security group.
locals {
  groups = {
    servers  = "Nomad and Consul servers"
    machines = "Machines of the platform"
    edges    = "Edges, from anywhere"
    dns      = "Name servers, from anywhere"
  }

  public = {
    http  = { group = "edges", protocol = "tcp", port = 80 }
    https = { group = "edges", protocol = "tcp", port = 443 }
    dns   = { group = "dns", protocol = "udp", port = 53 }
  }

  inside = {
    for rule in [
      # Nomad: API, RPC, gossip among servers.
      { from = "machines", to = "servers", protocol = "tcp", first = 4647, last = 4647 },
      { from = "servers", to = "servers", protocol = "tcp", first = 4646, last = 4648 },
      { from = "servers", to = "servers", protocol = "udp", first = 4648, last = 4648 },
      # A server asks a client's API for logs and files when it has no session with it.
      { from = "servers", to = "machines", protocol = "tcp", first = 4646, last = 4646 },
      # Consul: RPC of servers, gossip of all.
      { from = "machines", to = "servers", protocol = "tcp", first = 8300, last = 8301 },
      { from = "servers", to = "servers", protocol = "tcp", first = 8300, last = 8301 },
      { from = "machines", to = "servers", protocol = "udp", first = 8301, last = 8301 },
      { from = "servers", to = "servers", protocol = "udp", first = 8301, last = 8301 },
      { from = "servers", to = "machines", protocol = "tcp", first = 8301, last = 8301 },
      { from = "servers", to = "machines", protocol = "udp", first = 8301, last = 8301 },
      { from = "machines", to = "machines", protocol = "tcp", first = 8301, last = 8301 },
      { from = "machines", to = "machines", protocol = "udp", first = 8301, last = 8301 },
      # The platform: redis for its replica, and Nomad's dynamic ports, among which MongoDB's 27017 lies.
      { from = "machines", to = "machines", protocol = "tcp", first = 6379, last = 6379 },
      { from = "machines", to = "machines", protocol = "tcp", first = 20000, last = 27016 },
      { from = "machines", to = "machines", protocol = "tcp", first = 27018, last = 32000 },
    ] : "${rule.from}-${rule.to}-${rule.protocol}-${rule.first}" => rule
  }

  admin = {
    for rule in flatten([
      for cidr in var.admin_cidrs : [
        for port in concat([4646, 8500], var.key_name == null ? [] : [22]) : { group = "servers", cidr = cidr, port = port }
      ]
    ]) : "${rule.group}-${rule.port}-${rule.cidr}" => rule
  }
  admin_ssh = {
    for cidr in var.key_name == null ? [] : var.admin_cidrs : "machines-22-${cidr}" => { group = "machines", cidr = cidr, port = 22 }
  }
}

resource "aws_security_group" "this" {
  for_each = local.groups

  name        = "${var.name}-${each.key}"
  description = each.value
  vpc_id      = aws_vpc.this.id
  tags        = merge(local.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_vpc_security_group_ingress_rule" "public" {
  for_each = local.public

  security_group_id = aws_security_group.this[each.value.group].id
  description       = "${each.key} from anywhere"
  ip_protocol       = each.value.protocol
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "inside" {
  for_each = local.inside

  security_group_id            = aws_security_group.this[each.value.to].id
  referenced_security_group_id = aws_security_group.this[each.value.from].id
  description                  = "${each.value.from} to ${each.value.to}"
  ip_protocol                  = each.value.protocol
  from_port                    = each.value.first
  to_port                      = each.value.last
  tags                         = local.tags
}

resource "aws_vpc_security_group_ingress_rule" "admin" {
  for_each = merge(local.admin, local.admin_ssh)

  security_group_id = aws_security_group.this[each.value.group].id
  description       = "operators"
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  cidr_ipv4         = each.value.cidr
  tags              = local.tags
}

# Packages, images, mail servers of the platform's choice, ACME: the way out is open.
resource "aws_vpc_security_group_egress_rule" "out" {
  for_each = toset(["servers", "machines"])

  security_group_id = aws_security_group.this[each.key].id
  description       = "out"
  ip_protocol       = "-1"
  cidr_ipv4         = "0.0.0.0/0"
  tags              = local.tags
}
