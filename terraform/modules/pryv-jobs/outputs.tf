output "jobs" {
  description = "The registered jobs by name: owner (a core, registry, replica, static), kind, hash of the spec, Nomad's status."
  value = {
    for name, job in merge(nomad_job.state, nomad_job.service, nomad_job.edge) : name => merge(local.jobs[name], {
      status       = job.status
      modify_index = job.modify_index
    })
  }
}

output "cores" {
  description = "The cores of the platform by name: hosting, datacenter, ip (empty where Nomad's node knows it), external."
  value       = { for core in jsondecode(local.facts["_cores"]) : core.name => core }
}

output "spec_hash" {
  description = "Changes when any spec does; the trigger of the module pryv-rollout."
  value       = local.facts["_hash"]
}

output "platform" {
  description = "Domain, Nomad namespace and region, release, and the version of pryv-nomad that made the specs."
  value = {
    domain    = local.facts["_domain"]
    namespace = local.facts["_namespace"]
    region    = local.facts["_region"]
    release   = local.facts["_release"]
    generator = local.facts["_version"]
  }
}
