# -- what the machine is ---------------------------------------------------------------------------------------------

variable "name" {
  description = "Name of the machine in Nomad and Consul; null: its host name."
  type        = string
  default     = null

  validation {
    condition     = var.name == null || can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", var.name))
    error_message = "name must be a DNS label: a-z, 0-9 and inner hyphens, at most 63 characters."
  }
}

variable "servers" {
  description = "Null: a Nomad client with a Consul agent. Else a Nomad and Consul server, and how many there are of them."
  type        = number
  default     = null

  validation {
    condition     = var.servers == null || contains([1, 3, 5, 7], coalesce(var.servers, 0))
    error_message = "servers must be 1, 3, 5 or 7: a quorum of an even number survives no more than that of one less."
  }
}

variable "datacenter" {
  description = "Nomad datacenter: that of the machine's hosting in cluster.yml."
  type        = string
  default     = "dc1"
  nullable    = false
}

variable "region" {
  description = "Nomad region: platform.region of cluster.yml."
  type        = string
  default     = "global"
  nullable    = false
}

variable "consul_datacenter" {
  description = "Consul datacenter; all machines of a platform join one."
  type        = string
  default     = "dc1"
  nullable    = false
}

variable "core" {
  description = "Name of the core that this machine runs (meta pryv_core); null for none."
  type        = string
  default     = null

  validation {
    condition     = var.core == null || can(regex("^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", var.core))
    error_message = "core must be a core's name in cluster.yml: a-z, 0-9 and inner hyphens."
  }
}

variable "roles" {
  description = "Other roles (meta pryv_role): registry, replica, static."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for role in var.roles : contains(["registry", "replica", "static"], role)])
    error_message = "roles may hold registry, replica and static."
  }
}

variable "node_class" {
  description = "Nomad node class, a key of node_classes in cluster.yml; null for none."
  type        = string
  default     = null
}

variable "public_ip" {
  description = "Address that the registry tells the world (meta pryv_public_ip); null: the node's own."
  type        = string
  default     = null

  validation {
    condition     = var.public_ip == null || can(cidrhost("${var.public_ip}/32", 0)) || can(cidrhost("${var.public_ip}/128", 0))
    error_message = "public_ip must be an IP address."
  }
}

# -- where it is -----------------------------------------------------------------------------------------------------

variable "private_cidr" {
  description = "The private network: agents bind to the machine's address in it, and it is the host network `private` of the jobs."
  type        = string

  validation {
    condition     = can(cidrhost(var.private_cidr, 0)) && !can(regex("/0$", var.private_cidr))
    error_message = "private_cidr must be a network such as 10.20.0.0/16."
  }
}

variable "retry_join" {
  description = "How Consul finds its servers: addresses, or a cloud's auto-join such as provider=aws tag_key=… tag_value=…; Nomad finds its own through Consul."
  type        = list(string)

  validation {
    condition     = length(var.retry_join) > 0
    error_message = "retry_join must name at least one server."
  }
}

variable "open_api" {
  description = "Whether Consul's HTTP API answers at the private address, too, as pryv-nomad on another machine needs it; Nomad's does always."
  type        = bool
  default     = false
  nullable    = false
}

# -- where its state is ----------------------------------------------------------------------------------------------

variable "data_dir" {
  description = "Folder of the host volumes."
  type        = string
  default     = "/opt/pryv"
  nullable    = false

  validation {
    condition     = can(regex("^(/[A-Za-z0-9._-]+)+$", var.data_dir))
    error_message = "data_dir must be an absolute path of letters, digits, dots, hyphens and underscores."
  }
}

variable "disk" {
  description = "Block device for data_dir, formatted when it is empty; Nomad does not start without it. Null: data_dir is a folder of the root disk."
  type        = string
  default     = null

  validation {
    condition     = var.disk == null || can(regex("^/dev/[A-Za-z0-9/._-]+$", var.disk))
    error_message = "disk must be a device such as /dev/disk/by-id/…"
  }
}

variable "volumes" {
  description = "Names of host volumes, a folder of data_dir each; null: those that cluster.yml names by default for the core and the roles."
  type        = list(string)
  default     = null

  validation {
    condition     = var.volumes == null || can([for name in var.volumes : regex("^[A-Za-z0-9._-]+$", name)])
    error_message = "volumes may hold names of letters, digits, dots, hyphens and underscores."
  }
}

# -- what is installed -----------------------------------------------------------------------------------------------

variable "nomad_version" {
  description = "Version of Nomad, exactly."
  type        = string
  default     = "1.6.5"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.nomad_version))
    error_message = "nomad_version must be a version such as 1.6.5."
  }
}

variable "consul_version" {
  description = "Version of Consul, exactly."
  type        = string
  default     = "1.14.11"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9]+\\.[0-9]+\\.[0-9]+$", var.consul_version))
    error_message = "consul_version must be a version such as 1.14.11."
  }
}

variable "apt_key_fingerprint" {
  description = "Fingerprint of the key that signs HashiCorp's apt repository; another key is refused."
  type        = string
  default     = "798AEC654E5C15428C8E42EEAA16FCBCA621E701"
  nullable    = false

  validation {
    condition     = can(regex("^[0-9A-F]{40}$", var.apt_key_fingerprint))
    error_message = "apt_key_fingerprint must be 40 hex digits, in capitals, without spaces."
  }
}

# -- secrets, by reference -------------------------------------------------------------------------------------------

variable "secrets" {
  description = "Where the machine finds its secrets when it sets itself up, never what they are: ssm:NAME (AWS parameter store, by the machine's own role) or file:PATH (already on the machine). consul_gossip, nomad_gossip: keys for gossip. ca, certificate, key: PEM for TLS of both, all three or none. docker_config: what `docker login` writes."
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
    condition     = alltrue([for reference in values(var.secrets) : reference == null || can(regex("^(ssm:|file:/)[A-Za-z0-9/._-]+$", reference))])
    error_message = "secrets holds references, ssm:NAME or file:PATH, and no values."
  }

  validation {
    condition     = contains([0, 3], length([for each in [var.secrets.ca, var.secrets.certificate, var.secrets.key] : each if each != null]))
    error_message = "TLS needs ca, certificate and key: name all three or none."
  }
}

variable "nomad_acl" {
  description = "Whether Nomad asks for tokens; `nomad acl bootstrap` makes the first one."
  type        = bool
  default     = true
  nullable    = false
}

# -- the rest --------------------------------------------------------------------------------------------------------

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
