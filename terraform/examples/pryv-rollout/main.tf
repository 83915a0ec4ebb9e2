# `terraform apply` is `pryv-nomad run --yes` whenever the cluster file changed. Tokens come from the environment
# (NOMAD_TOKEN, CONSUL_HTTP_TOKEN) and stay out of the state.
module "pryv" {
  source = "../../modules/pryv-rollout"

  cluster_files = ["${path.module}/cluster.yml"]
  spec_hash     = var.spec_hash
}

variable "spec_hash" {
  description = "Exactly the specs as trigger: export TF_VAR_spec_hash=\"$(pryv-nomad -c cluster.yml terraform hash)\"."
  type        = string
  default     = null
}

output "spec_hash" {
  description = "What the last rollout was for."
  value       = module.pryv.spec_hash
}
