# -- the platform ----------------------------------------------------------------------------------------------------

variable "hostings" {
  description = "Hostings by key, as in cluster.yml."
  type = map(object({
    datacenter  = string
    url         = optional(string)
    name        = optional(string)
    description = optional(string)
  }))

  validation {
    condition     = alltrue([for hosting in values(var.hostings) : hosting.url == null || can(regex("^https?://[^/?#]+$", hosting.url))])
    error_message = "A hosting's url must be http(s)://host without a path: the register refuses one."
  }
}

variable "machines" {
  description = "Existing Debian or Ubuntu machines by name: where ssh reaches them (host), and what they run: the core of a hosting (a core is called as its machine unless `core` says otherwise), the roles registry, replica and static, or server (Nomad and Consul server). public_ip is what the world sees; default: host, where that is an address."
  type = map(object({
    host       = string
    port       = optional(number, 22)
    hosting    = optional(string)
    core       = optional(string)
    roles      = optional(list(string), [])
    server     = optional(bool, false)
    datacenter = optional(string)
    public_ip  = optional(string)
    private_ip = optional(string)
    disk       = optional(string)
    node_class = optional(string)
    host_key   = optional(string)
  }))

  validation {
    condition     = alltrue([for machine in values(var.machines) : machine.hosting == null || contains(keys(var.hostings), coalesce(machine.hosting, "-"))])
    error_message = "A machine's hosting must be a key of hostings."
  }

  validation {
    condition     = alltrue([for machine in values(var.machines) : machine.core == null || machine.hosting != null])
    error_message = "A machine with a core needs the core's hosting."
  }

  validation {
    condition     = alltrue([for machine in values(var.machines) : machine.server != (machine.hosting != null || length(machine.roles) > 0)])
    error_message = "A machine is either a server, or has a hosting or roles: servers run no jobs."
  }

  validation {
    condition     = alltrue([for role in ["registry", "replica", "static"] : length([for machine in values(var.machines) : machine if contains(machine.roles, role)]) <= 1])
    error_message = "registry, replica and static are one machine each."
  }

  validation {
    condition     = contains([0, 1, 3, 5], length([for machine in values(var.machines) : machine if machine.server]))
    error_message = "There must be 1, 3 or 5 servers, or none here (then servers names those elsewhere)."
  }
}

variable "servers" {
  description = "Addresses of Consul servers elsewhere; those among machines are added."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "nomad_region" {
  description = "Nomad region: platform.region of cluster.yml."
  type        = string
  default     = "global"
  nullable    = false
}

variable "private_cidr" {
  description = "The private network of all machines: agents and the jobs' backends listen there only."
  type        = string
}

# -- ssh -------------------------------------------------------------------------------------------------------------

variable "user" {
  description = "User of the machines: root, or one that sudo asks for no password."
  type        = string
  default     = "root"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z_][a-z0-9_-]*$", var.user))
    error_message = "user must be the name of a user."
  }
}

variable "private_key_file" {
  description = "File with the ssh key; null: the ssh agent's. It is read when a machine is set up and never kept in the state."
  type        = string
  default     = null
}

variable "bastion" {
  description = "Host to go through, with its user and key; null for none."
  type = object({
    host     = string
    port     = optional(number, 22)
    user     = optional(string)
    host_key = optional(string)
  })
  default = null
}

variable "timeout" {
  description = "How long to try to reach a machine."
  type        = string
  default     = "5m"
  nullable    = false

  validation {
    condition     = can(regex("^([0-9]+(s|m|h))+$", var.timeout))
    error_message = "timeout must be a duration such as 90s or 5m."
  }
}

# -- what runs on them -----------------------------------------------------------------------------------------------

variable "nomad_version" {
  description = "Version of Nomad, exactly."
  type        = string
  default     = "1.6.5"
  nullable    = false
}

variable "consul_version" {
  description = "Version of Consul, exactly."
  type        = string
  default     = "1.14.11"
  nullable    = false
}

variable "nomad_acl" {
  description = "Whether Nomad asks for tokens; `nomad acl bootstrap` makes the first one."
  type        = bool
  default     = true
  nullable    = false
}

variable "open_api" {
  description = "Whether the servers' Consul API answers at their private address, as pryv-nomad on another machine needs it."
  type        = bool
  default     = true
  nullable    = false
}

variable "secrets" {
  description = "Files on the machines that hold their secrets, never what they are. consul_gossip, nomad_gossip: keys for gossip; ca, certificate, key: PEM for TLS; docker_config: what `docker login` writes."
  type = object({
    consul_gossip = optional(string)
    nomad_gossip  = optional(string)
    ca            = optional(string)
    certificate   = optional(string)
    key           = optional(string)
    docker_config = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for path in values(var.secrets) : path == null || can(regex("^/[A-Za-z0-9/._-]+$", path))])
    error_message = "secrets holds paths of files on the machines, and no values."
  }
}

variable "nomad_config" {
  description = "Further Nomad configuration, laid over ours as a file of its own. No secrets."
  type        = any
  default     = {}
}

variable "consul_config" {
  description = "Further Consul configuration, laid over ours as a file of its own. No secrets."
  type        = any
  default     = {}
}
