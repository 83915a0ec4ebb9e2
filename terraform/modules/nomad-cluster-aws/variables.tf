variable "name" {
  description = "Name of the cluster: prefix of everything's name, and value of the tag by which its machines find each other."
  type        = string
  default     = "pryv"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}$", var.name))
    error_message = "name must begin with a letter and hold a-z, 0-9 and hyphens, at most 31 characters."
  }
}

variable "tags" {
  description = "Further tags of everything that takes tags."
  type        = map(string)
  default     = {}
  nullable    = false
}

# -- the platform ----------------------------------------------------------------------------------------------------

variable "hostings" {
  description = "Hostings by key, as in cluster.yml, and where in the region their machines are (default: the first of availability_zones)."
  type = map(object({
    datacenter        = string
    url               = optional(string)
    name              = optional(string)
    description       = optional(string)
    availability_zone = optional(string)
  }))

  validation {
    condition     = length(var.hostings) > 0
    error_message = "hostings must hold at least one."
  }

  validation {
    condition     = alltrue([for hosting in values(var.hostings) : hosting.url == null || can(regex("^https?://[^/?#]+$", hosting.url))])
    error_message = "A hosting's url must be http(s)://host without a path: the register refuses one."
  }
}

variable "cores" {
  description = "Cores by name. Each is one machine with one data disk. A machine's zone, and with it its disk's, stays as it was made."
  type = map(object({
    hosting           = string
    instance_type     = optional(string)
    disk_gb           = optional(number)
    availability_zone = optional(string)
    node_class        = optional(string)
  }))

  validation {
    condition     = alltrue([for name in keys(var.cores) : can(regex("^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", name)) && !contains(["registry", "replica", "static"], name)])
    error_message = "A core's name must be a DNS label, and not registry, replica or static, which are other machines' names."
  }

  validation {
    condition     = alltrue([for core in values(var.cores) : contains(keys(var.hostings), core.hosting)])
    error_message = "Each core's hosting must be a key of hostings."
  }

  validation {
    condition     = alltrue([for core in values(var.cores) : core.disk_gb == null || try(core.disk_gb >= 8, false)])
    error_message = "disk_gb must be at least 8."
  }
}

variable "registry" {
  description = "The registry's machine. Its datacenter is the platform's first; default: the first hosting's."
  type = object({
    datacenter        = optional(string)
    instance_type     = optional(string)
    disk_gb           = optional(number, 20)
    availability_zone = optional(string)
  })
  default  = {}
  nullable = false
}

variable "replica" {
  description = "The second registry machine, with dns and a copy of redis; null for none. Put it into another zone than the registry."
  type = object({
    datacenter        = optional(string)
    instance_type     = optional(string)
    disk_gb           = optional(number, 20)
    availability_zone = optional(string)
  })
  default = null
}

variable "static" {
  description = "The static site's machine; null: the registry's machine has that role, too."
  type = object({
    datacenter        = optional(string)
    instance_type     = optional(string)
    availability_zone = optional(string)
  })
  default = null
}

variable "nomad_region" {
  description = "Nomad region: platform.region of cluster.yml."
  type        = string
  default     = "global"
  nullable    = false
}

# -- the network -----------------------------------------------------------------------------------------------------

variable "vpc_cidr" {
  description = "Network of the VPC, /16 to /20. All of it is the jobs' host network `private`."
  type        = string
  default     = "10.20.0.0/16"
  nullable    = false

  validation {
    condition     = can(regex("/(1[6-9]|20)$", var.vpc_cidr)) && can(cidrhost(var.vpc_cidr, 0)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", var.vpc_cidr))
    error_message = "vpc_cidr must be a private network of /16 to /20, such as 10.20.0.0/16."
  }
}

variable "availability_zones" {
  description = "Availability zones with a public and a private subnet each; servers spread over them. Add at the end only: a zone's subnets are those of its place in the list."
  type        = list(string)

  validation {
    condition     = length(var.availability_zones) >= 1 && length(var.availability_zones) <= 8 && length(var.availability_zones) == length(distinct(var.availability_zones))
    error_message = "availability_zones must hold one to eight different zones."
  }
}

variable "nat_gateway_per_zone" {
  description = "A NAT gateway in each zone in place of one for all: servers in the other zones then keep their way out when a zone is lost."
  type        = bool
  default     = false
  nullable    = false
}

variable "admin_cidrs" {
  description = "Private networks (a VPN, a peered VPC) from which Nomad's and Consul's API, and ssh where there is a key_name, may be reached. Never public ones."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for cidr in var.admin_cidrs : can(cidrhost(cidr, 0)) && can(regex("^(10\\.|172\\.(1[6-9]|2[0-9]|3[01])\\.|192\\.168\\.)", cidr)) && can(regex("/([89]|[12][0-9]|3[0-2])$", cidr))])
    error_message = "admin_cidrs must be private networks of at most /8: the APIs are not for the internet."
  }
}

# -- the machines ----------------------------------------------------------------------------------------------------

variable "servers" {
  description = "How many machines are Nomad and Consul servers: 1 (to try things), 3 or 5."
  type        = number
  default     = 3
  nullable    = false

  validation {
    condition     = contains([1, 3, 5], var.servers)
    error_message = "servers must be 1, 3 or 5."
  }
}

variable "server_instance_type" {
  description = "Instance type of the servers."
  type        = string
  default     = "t3.medium"
  nullable    = false
}

variable "instance_type" {
  description = "Instance type of machines that name none."
  type        = string
  default     = "m6i.large"
  nullable    = false
}

variable "disk_gb" {
  description = "Size of the data disk of cores that name none."
  type        = number
  default     = 100
  nullable    = false

  validation {
    condition     = var.disk_gb >= 8
    error_message = "disk_gb must be at least 8."
  }
}

variable "disk_type" {
  description = "EBS volume type of the data disks."
  type        = string
  default     = "gp3"
  nullable    = false

  validation {
    condition     = contains(["gp3", "io2"], var.disk_type)
    error_message = "disk_type must be gp3 or io2."
  }
}

variable "disk_iops" {
  description = "IOPS of the data disks; null: the type's own (io2 needs a number)."
  type        = number
  default     = null
}

variable "final_snapshot" {
  description = "Take a snapshot of a data disk before it is deleted."
  type        = bool
  default     = true
  nullable    = false
}

variable "termination_protection" {
  description = "Refuse to terminate machines of the platform. Switch it off, and apply, before one is to go."
  type        = bool
  default     = true
  nullable    = false
}

variable "ami_id" {
  description = "Debian or Ubuntu image, x86-64; null: the newest Debian 12 when a machine is made."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null || can(regex("^ami-[0-9a-f]+$", var.ami_id))
    error_message = "ami_id must be an image such as ami-0123456789abcdef0."
  }
}

variable "key_name" {
  description = "EC2 key pair for ssh from admin_cidrs; null: no ssh."
  type        = string
  default     = null
}

variable "kms_key_id" {
  description = "KMS key (ARN) of all disks; null: the account's default key for EBS. Disks are encrypted either way."
  type        = string
  default     = null
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

variable "server_secrets" {
  description = "Names of SSM parameters (SecureString) that servers read when they set themselves up: gossip keys, and PEM for TLS. Their values never pass through Terraform."
  type = object({
    consul_gossip = optional(string)
    nomad_gossip  = optional(string)
    ca            = optional(string)
    certificate   = optional(string)
    key           = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in values(var.server_secrets) : name == null || can(regex("^/[A-Za-z0-9/._-]+$", name))])
    error_message = "server_secrets holds names of parameters such as /pryv/consul-gossip, and no values."
  }
}

variable "client_secrets" {
  description = "The same for the platform's machines; docker_config is what `docker login` writes."
  type = object({
    consul_gossip = optional(string)
    ca            = optional(string)
    certificate   = optional(string)
    key           = optional(string)
    docker_config = optional(string)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for name in values(var.client_secrets) : name == null || can(regex("^/[A-Za-z0-9/._-]+$", name))])
    error_message = "client_secrets holds names of parameters such as /pryv/consul-gossip, and no values."
  }
}

variable "secrets_kms_key_arn" {
  description = "KMS key of those parameters; null: the account's default key for SSM."
  type        = string
  default     = null
}

variable "server_config" {
  description = "Further configuration of Nomad and Consul on the servers, laid over ours: { nomad = {…}, consul = {…} }. No secrets."
  type        = any
  default     = {}
}

variable "client_config" {
  description = "The same for the platform's machines."
  type        = any
  default     = {}
}
