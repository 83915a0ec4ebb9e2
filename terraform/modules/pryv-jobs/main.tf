# The generator is asked at every plan; what it answers is the whole truth. Specs hold no secrets, so neither does the
# state.
data "external" "platform" {
  program     = concat(var.command, ["terraform", "render"])
  working_dir = var.working_dir

  query = {
    cluster_files = jsonencode(var.cluster_files)
    set           = jsonencode(var.set)
    templates     = var.templates == null ? "" : var.templates
    only          = length(var.only) == 0 ? "" : jsonencode(var.only)
  }

  lifecycle {
    precondition {
      condition     = var.allow_destroy || !var.purge_on_destroy
      error_message = "purge_on_destroy needs allow_destroy."
    }
  }
}

locals {
  # What is not a job stands under names that begin with an underscore.
  facts = { for name, value in data.external.platform.result : name => value if startswith(name, "_") }
  jobs  = jsondecode(local.facts["_jobs"])

  # What others need comes first and goes last: state, then what serves, then the edges. With detach = true Nomad starts
  # them all at once, and tasks wait for what they need.
  state = [for name, job in local.jobs : name if can(regex("^(data|redis)(-|$)", job.kind))]
  edges = [for name, job in local.jobs : name if can(regex("(^|-)edge(-|$)", job.kind))]
  stage = {
    for stage, names in {
      state   = local.state
      service = setsubtract(keys(local.jobs), concat(local.state, local.edges))
      edge    = local.edges
    } : stage => { for name in names : name => data.external.platform.result[name] }
  }
}

resource "nomad_job" "state" {
  for_each = local.stage.state

  jobspec = each.value
  json    = true

  detach                  = var.detach
  rerun_if_dead           = var.rerun_if_dead
  preserve_counts         = var.preserve_counts
  policy_override         = var.policy_override
  deregister_on_destroy   = var.allow_destroy
  deregister_on_id_change = var.allow_destroy
  purge_on_destroy        = var.purge_on_destroy

  timeouts {
    create = var.timeout
    update = var.timeout
  }
}

resource "nomad_job" "service" {
  for_each   = local.stage.service
  depends_on = [nomad_job.state]

  jobspec = each.value
  json    = true

  detach                  = var.detach
  rerun_if_dead           = var.rerun_if_dead
  preserve_counts         = var.preserve_counts
  policy_override         = var.policy_override
  deregister_on_destroy   = var.allow_destroy
  deregister_on_id_change = var.allow_destroy
  purge_on_destroy        = var.purge_on_destroy

  timeouts {
    create = var.timeout
    update = var.timeout
  }
}

resource "nomad_job" "edge" {
  for_each   = local.stage.edge
  depends_on = [nomad_job.service]

  jobspec = each.value
  json    = true

  detach                  = var.detach
  rerun_if_dead           = var.rerun_if_dead
  preserve_counts         = var.preserve_counts
  policy_override         = var.policy_override
  deregister_on_destroy   = var.allow_destroy
  deregister_on_id_change = var.allow_destroy
  purge_on_destroy        = var.purge_on_destroy

  timeouts {
    create = var.timeout
    update = var.timeout
  }
}
