# The generator's answer, made up, becomes jobs in three stages. The real providers and a real Nomad: docs/terraform.md.

mock_provider "nomad" {}

mock_provider "external" {
  mock_data "external" {
    defaults = {
      result = {
        _cores             = "[{\"datacenter\":\"dc1\",\"external\":false,\"hosting\":\"ch\",\"ip\":\"203.0.113.1\",\"name\":\"co1\"}]"
        _domain            = "pryv.example"
        _hash              = "00"
        _jobs              = "{\"pryv-core-co1\":{\"hash\":\"1\",\"kind\":\"core\",\"owner\":\"co1\"},\"pryv-data-co1\":{\"hash\":\"2\",\"kind\":\"data\",\"owner\":\"co1\"},\"pryv-edge-co1\":{\"hash\":\"3\",\"kind\":\"edge\",\"owner\":\"co1\"},\"pryv-redis-replica\":{\"hash\":\"4\",\"kind\":\"redis-replica\",\"owner\":\"replica\"},\"pryv-registry-edge\":{\"hash\":\"5\",\"kind\":\"registry-edge\",\"owner\":\"registry\"}}"
        _namespace         = "default"
        _region            = "global"
        _release           = "1.9.2"
        _version           = "0.1.0"
        pryv-core-co1      = "{\"ID\":\"pryv-core-co1\"}"
        pryv-data-co1      = "{\"ID\":\"pryv-data-co1\"}"
        pryv-edge-co1      = "{\"ID\":\"pryv-edge-co1\"}"
        pryv-redis-replica = "{\"ID\":\"pryv-redis-replica\"}"
        pryv-registry-edge = "{\"ID\":\"pryv-registry-edge\"}"
      }
    }
  }
}

run "state_comes_first_and_edges_last" {
  command = apply

  assert {
    condition     = keys(nomad_job.state) == ["pryv-data-co1", "pryv-redis-replica"]
    error_message = "state is ${jsonencode(keys(nomad_job.state))}"
  }
  assert {
    condition     = keys(nomad_job.service) == ["pryv-core-co1"]
    error_message = "service is ${jsonencode(keys(nomad_job.service))}"
  }
  assert {
    condition     = keys(nomad_job.edge) == ["pryv-edge-co1", "pryv-registry-edge"]
    error_message = "edge is ${jsonencode(keys(nomad_job.edge))}"
  }
  assert {
    condition     = nomad_job.service["pryv-core-co1"].jobspec == "{\"ID\":\"pryv-core-co1\"}" && nomad_job.service["pryv-core-co1"].json
    error_message = "a job is registered as the JSON that the generator made"
  }
  assert {
    condition     = alltrue([for job in values(merge(nomad_job.state, nomad_job.service, nomad_job.edge)) : !job.deregister_on_destroy && !job.purge_on_destroy])
    error_message = "a destroy must leave jobs alone unless it is allowed"
  }
  assert {
    condition     = output.cores["co1"].ip == "203.0.113.1" && output.jobs["pryv-edge-co1"].owner == "co1" && output.platform.domain == "pryv.example"
    error_message = "the outputs say what was registered"
  }
}

run "the_query_holds_strings_only" {
  command = plan

  variables {
    cluster_files = ["base.yml", "prod.yml"]
    set           = { "update.canary" = 0 }
    only          = ["pryv-core-*"]
    command       = ["python3", "-m", "pryv_nomad"]
  }

  assert {
    condition     = data.external.platform.query["cluster_files"] == "[\"base.yml\",\"prod.yml\"]" && data.external.platform.query["set"] == "{\"update.canary\":0}" && data.external.platform.query["only"] == "[\"pryv-core-*\"]"
    error_message = "the query is ${jsonencode(data.external.platform.query)}"
  }
  assert {
    condition     = tolist(data.external.platform.program) == tolist(["python3", "-m", "pryv_nomad", "terraform", "render"])
    error_message = "the program is ${jsonencode(data.external.platform.program)}"
  }
}

run "a_destroy_can_be_allowed" {
  command = apply

  variables {
    allow_destroy    = true
    purge_on_destroy = true
  }

  assert {
    condition     = alltrue([for job in values(nomad_job.state) : job.deregister_on_destroy && job.purge_on_destroy])
    error_message = "allow_destroy must reach the jobs"
  }
}

run "purging_needs_leave_to_destroy" {
  command = plan

  variables {
    purge_on_destroy = true
  }

  expect_failures = [data.external.platform]
}

run "what_cannot_be_meant_is_refused" {
  command = plan

  variables {
    cluster_files = [""]
    set           = "update.canary=0"
    templates     = " "
    only          = [""]
    command       = []
    timeout       = "20"
  }

  expect_failures = [var.cluster_files, var.set, var.templates, var.only, var.command, var.timeout]
}
