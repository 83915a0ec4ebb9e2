locals {
  # Words of an argument list: no shell reads them, so a value may hold spaces and quotes.
  options = concat(
    flatten([for file in var.cluster_files : ["--cluster", file]]),
    flatten([for path in sort(keys(var.set)) : ["--set", "${path}=${jsonencode(var.set[path])}"]]),
    var.templates == null ? [] : ["--templates", var.templates],
    var.nomad_address == null ? [] : ["--address", var.nomad_address],
    var.consul_address == null ? [] : ["--consul-address", var.consul_address],
    var.token_file == null ? [] : ["--token-file", var.token_file],
  )
  only = var.only == null ? [] : ["--only", var.only]

  run = concat(var.command, local.options, ["run"], local.only,
    var.prune ? ["--prune"] : [],
    var.prune && var.allow_destroy ? ["--force"] : [],
    var.overwrite ? ["--overwrite"] : [],
  )
  stop = concat(var.command, local.options, ["stop"], local.only)

  # Where the hash of the specs is not given, the contents of all that they are made of.
  template_files = var.templates == null ? [] : sort(tolist(fileset(var.templates, "**")))
  contents = {
    files     = [for file in var.cluster_files : filesha256(file)]
    set       = sha256(jsonencode(var.set))
    templates = { for file in local.template_files : file => filesha256("${var.templates}/${file}") }
  }
  trigger = var.spec_hash == null ? sha256(jsonencode(local.contents)) : var.spec_hash
}

# A changed trigger replaces this resource, and its creation is the rollout: gates, waves and canaries are those of
# `run`, and a platform that did not become healthy fails the apply. Terraform then marks it tainted, so that the next
# apply goes on where this one ended.
resource "terraform_data" "rollout" {
  triggers_replace = {
    spec_hash = local.trigger
    only      = var.only
    where     = [var.nomad_address, var.consul_address]
    triggers  = var.triggers
  }

  provisioner "local-exec" {
    interpreter = local.run
    command     = "--yes"
  }

  depends_on = [terraform_data.platform]
}

# What a destroy does stands in a resource of its own, which nothing replaces: a provisioner for the destruction of the
# one above would stop the platform at every change. Its input is what the last apply left.
resource "terraform_data" "platform" {
  input = {
    allow_destroy = var.allow_destroy
    stop          = local.stop
  }

  provisioner "local-exec" {
    when        = destroy
    interpreter = self.output.allow_destroy ? self.output.stop : null
    command     = self.output.allow_destroy ? "--yes" : "echo The platform was left running, since allow_destroy is false."
  }
}
