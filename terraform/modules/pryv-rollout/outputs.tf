output "spec_hash" {
  description = "The trigger of the last rollout: the hash of the specs, or of the contents of the files."
  value       = local.trigger
}

output "run" {
  description = "The command of a rollout, as a list of words."
  value       = tolist(concat(local.run, ["--yes"]))
}

output "id" {
  description = "Changes with every rollout; for depends_on or triggers of what must come after it."
  value       = terraform_data.rollout.id
}
