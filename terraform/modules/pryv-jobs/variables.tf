# -- what to generate ------------------------------------------------------------------------------------------------

variable "cluster_files" {
  description = "Cluster file and the overlays that lie over it, in order; relative paths start where Terraform runs."
  type        = list(string)
  default     = ["cluster.yml"]

  validation {
    condition     = length(var.cluster_files) > 0 && alltrue([for file in var.cluster_files : file != null && trimspace(file) != ""])
    error_message = "cluster_files must name at least one file, and no empty ones."
  }
}

variable "set" {
  description = "Values laid over the cluster files, by their path: { \"update.canary\" = 0, cores = module.machines.cores }. No secrets: they belong into Nomad Variables."
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
    condition     = var.templates == null || try(trimspace(var.templates) != "", false)
    error_message = "templates must be a folder, or null."
  }
}

variable "only" {
  description = "Patterns of the jobs to register, such as [\"pryv-core-*\", \"pryv-edge-*\"]; all without any."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for pattern in var.only : pattern != null && trimspace(pattern) != ""])
    error_message = "only must not hold an empty pattern."
  }
}

variable "command" {
  description = "The generator: a program and its first arguments, such as [\"/opt/pryv/bin/pryv-nomad\"] or [\"python3\", \"-m\", \"pryv_nomad\"]."
  type        = list(string)
  default     = ["pryv-nomad"]

  validation {
    condition     = length(var.command) > 0 && alltrue([for word in var.command : word != null && word != ""])
    error_message = "command must name a program; none of its words may be empty."
  }
}

variable "working_dir" {
  description = "Folder in which the generator runs, and at which relative paths start; null for the one Terraform runs in."
  type        = string
  default     = null
}

# -- how to register -------------------------------------------------------------------------------------------------

variable "detach" {
  description = "Return when Nomad has taken a job, without waiting for its deployment. With false, a core's canary waits for a promotion: set update.auto_promote, or promote from elsewhere."
  type        = bool
  default     = true
  nullable    = false
}

variable "timeout" {
  description = "How long one job may take with detach = false."
  type        = string
  default     = "20m"
  nullable    = false

  validation {
    condition     = can(regex("^([0-9]+(s|m|h))+$", var.timeout))
    error_message = "timeout must be a duration such as 90s, 20m or 1h."
  }
}

variable "rerun_if_dead" {
  description = "Register a job again when it is dead, though its spec did not change."
  type        = bool
  default     = false
  nullable    = false
}

variable "preserve_counts" {
  description = "Keep the counts that groups have in Nomad in place of those of the specs."
  type        = bool
  default     = false
  nullable    = false
}

variable "policy_override" {
  description = "Override soft-mandatory Sentinel policies (Nomad Enterprise)."
  type        = bool
  default     = false
  nullable    = false
}

# -- how to end ------------------------------------------------------------------------------------------------------

variable "allow_destroy" {
  description = "Deregister a job when it leaves the list, or by a destroy. Off, the job runs on and Terraform forgets it. Must have been applied before the destroy that it is meant for."
  type        = bool
  default     = false
  nullable    = false
}

variable "purge_on_destroy" {
  description = "Purge a job from Nomad when it is deregistered; needs allow_destroy."
  type        = bool
  default     = false
  nullable    = false
}
