# -- what to roll out ------------------------------------------------------------------------------------------------

variable "cluster_files" {
  description = "Cluster file and the overlays that lie over it, in order; relative paths start where Terraform runs."
  type        = list(string)
  default     = ["cluster.yml"]

  validation {
    condition     = length(var.cluster_files) > 0 && alltrue([for file in var.cluster_files : try(fileexists(file), false)])
    error_message = "cluster_files must name at least one file, and each must exist."
  }
}

variable "set" {
  description = "Values laid over the cluster files, by their path: { \"update.canary\" = 0, cores = module.machines.machines.cores }. No secrets: they belong into Nomad Variables."
  type        = any
  default     = {}

  validation {
    condition     = can(keys(var.set))
    error_message = "set must be a map from paths to values, such as { \"update.canary\" = 0 }."
  }
}

variable "templates" {
  description = "Folder of job templates to look into before those of pryv-nomad; null for none."
  type        = string
  default     = null

  validation {
    condition     = var.templates == null || try(length(fileset(var.templates, "*.nomad.hcl.j2")) > 0, false)
    error_message = "templates must be a folder with job templates (*.nomad.hcl.j2), or null."
  }
}

variable "only" {
  description = "Pattern of the jobs or owners to roll out, such as \"pryv-dns*\" or \"co1\"; null for all."
  type        = string
  default     = null

  validation {
    condition     = var.only == null || try(trimspace(var.only) != "", false)
    error_message = "only must be a pattern, or null."
  }
}

variable "command" {
  description = "pryv-nomad: a program and its first arguments, such as [\"/opt/pryv/bin/pryv-nomad\"] or [\"python3\", \"-m\", \"pryv_nomad\"]."
  type        = list(string)
  default     = ["pryv-nomad"]

  validation {
    condition     = length(var.command) > 0 && alltrue([for word in var.command : word != null && word != ""])
    error_message = "command must name a program; none of its words may be empty."
  }
}

# -- where -----------------------------------------------------------------------------------------------------------
# Tokens are never variables: Terraform would keep them in its state. NOMAD_TOKEN and CONSUL_HTTP_TOKEN of the
# environment in which Terraform runs reach pryv-nomad, as do all NOMAD_* and CONSUL_* variables.

variable "nomad_address" {
  description = "Nomad's address; null leaves it to NOMAD_ADDR."
  type        = string
  default     = null

  validation {
    condition     = var.nomad_address == null || can(regex("^https?://[^@/]+/?$", var.nomad_address))
    error_message = "nomad_address must be http(s)://host:port, without credentials."
  }
}

variable "consul_address" {
  description = "Consul's address; null leaves it to CONSUL_HTTP_ADDR."
  type        = string
  default     = null

  validation {
    condition     = var.consul_address == null || can(regex("^https?://[^@/]+/?$", var.consul_address))
    error_message = "consul_address must be http(s)://host:port, without credentials."
  }
}

variable "token_file" {
  description = "File with Nomad's token on the machine that runs Terraform; null leaves it to NOMAD_TOKEN."
  type        = string
  default     = null
}

# -- when ------------------------------------------------------------------------------------------------------------

variable "spec_hash" {
  description = "Hash of the specs, the trigger of a rollout: output spec_hash of pryv-jobs, or TF_VAR_spec_hash=\"$(pryv-nomad terraform hash)\". Null: the contents of the files, of `set` and of the templates are the trigger, which misses $${env:…} references and releases in files of their own."
  type        = string
  default     = null

  validation {
    condition     = var.spec_hash == null || can(regex("^[0-9a-f]{64}$", var.spec_hash))
    error_message = "spec_hash must be 64 hex digits, as `pryv-nomad terraform hash` prints them."
  }
}

variable "triggers" {
  description = "Further values whose change starts a rollout, such as the version of pryv-nomad or a count to raise by hand."
  type        = map(string)
  default     = {}
  nullable    = false
}

# -- how -------------------------------------------------------------------------------------------------------------

variable "prune" {
  description = "Stop jobs that are no longer in the cluster file (`run --prune`); a core's only with allow_destroy."
  type        = bool
  default     = false
  nullable    = false
}

variable "overwrite" {
  description = "Also change jobs that somebody else changed meanwhile (`run --overwrite`)."
  type        = bool
  default     = false
  nullable    = false
}

variable "allow_destroy" {
  description = "Let a destroy stop the platform (`stop --yes`; nothing is purged, volumes stay) and, with prune, let a core's jobs be stopped. Off, a destroy leaves everything running. Must have been applied before the destroy that it is meant for."
  type        = bool
  default     = false
  nullable    = false
}
