# The platform's jobs as resources of the nomad provider, which reads NOMAD_ADDR and NOMAD_TOKEN.
provider "nomad" {}

module "pryv" {
  source = "../../modules/pryv-jobs"

  cluster_files = ["${path.module}/cluster.yml"]
  set = {
    "update.auto_promote" = true # nobody promotes a canary behind `terraform apply`
  }
  detach = false
}

output "jobs" {
  description = "What runs: owner, kind, hash and status of each job."
  value       = module.pryv.jobs
}

output "cores" {
  description = "The cores of the platform."
  value       = module.pryv.cores
}
