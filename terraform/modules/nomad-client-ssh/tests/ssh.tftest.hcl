# Plans only: an apply would go over ssh.

variables {
  private_cidr = "10.0.0.0/16"
  hostings     = { ch = { datacenter = "zurich", url = "https://ch.example" } }
  machines = {
    s1  = { host = "192.0.2.10", private_ip = "10.0.0.10", server = true }
    reg = { host = "192.0.2.20", private_ip = "10.0.0.20", roles = ["registry", "static"] }
    rep = { host = "192.0.2.21", private_ip = "10.0.0.21", roles = ["replica"], datacenter = "geneva" }
    co1 = { host = "192.0.2.31", hosting = "ch", disk = "/dev/vdb" }
    old = { host = "core2.example", core = "co2", hosting = "ch", public_ip = "203.0.113.32" }
  }
}

run "machines_become_nodes_with_their_meta" {
  command = plan

  assert {
    condition = (
      jsondecode(module.machine["co1"].files["/etc/nomad.d/10-pryv.json"].content).client.meta == { pryv_core = "co1", pryv_public_ip = "192.0.2.31" } &&
      jsondecode(module.machine["old"].files["/etc/nomad.d/10-pryv.json"].content).client.meta == { pryv_core = "co2", pryv_public_ip = "203.0.113.32" } &&
      jsondecode(module.machine["reg"].files["/etc/nomad.d/10-pryv.json"].content).client.meta.pryv_role == "registry,static"
    )
    error_message = "meta of the machines"
  }
  assert {
    condition     = jsondecode(module.machine["co1"].files["/etc/consul.d/10-pryv.json"].content).retry_join == ["10.0.0.10"]
    error_message = "machines join the servers among them at their private addresses"
  }
  assert {
    condition     = jsondecode(module.machine["s1"].files["/etc/nomad.d/10-pryv.json"].content).server.bootstrap_expect == 1
    error_message = "one server expects one"
  }
}

run "machines_are_what_cluster_yml_needs" {
  command = plan

  assert {
    condition     = [for core in output.machines.cores : "${core.name} ${core.ip}"] == ["co1 192.0.2.31", "co2 203.0.113.32"]
    error_message = "cores are ${jsonencode(output.machines.cores)}"
  }
  assert {
    condition     = output.machines.datacenters == tolist(["zurich", "geneva"]) && output.machines.registry.private_ip == "10.0.0.20" && output.machines.registry.replica.datacenter == "geneva" && output.machines.static.ip == "192.0.2.20"
    error_message = "machines are ${jsonencode(output.machines)}"
  }
}

run "what_cannot_be_meant_is_refused" {
  command = plan

  variables {
    hostings = { ch = { datacenter = "zurich", url = "https://ch.example/path" } }
    user     = "root; id"
    timeout  = "5"
    secrets  = { consul_gossip = "cg8StVXbQJ0gPvMd9o7yrg==" }
  }

  expect_failures = [var.hostings, var.user, var.timeout, var.secrets]
}

run "a_machine_of_an_unknown_hosting_is_refused" {
  command = plan

  variables {
    machines = { co1 = { host = "192.0.2.31", hosting = "nowhere" } }
  }

  expect_failures = [var.machines]
}

run "a_core_without_a_hosting_is_refused" {
  command = plan

  variables {
    machines = { co1 = { host = "192.0.2.31", core = "co1", roles = ["static"] } }
  }

  expect_failures = [var.machines]
}

run "a_server_that_runs_jobs_is_refused" {
  command = plan

  variables {
    machines = { co1 = { host = "192.0.2.31", hosting = "ch", server = true } }
  }

  expect_failures = [var.machines]
}

run "a_machine_for_nothing_is_refused" {
  command = plan

  variables {
    machines = { co1 = { host = "192.0.2.31" } }
  }

  expect_failures = [var.machines]
}

run "two_registries_is_refused" {
  command = plan

  variables {
    machines = { a = { host = "192.0.2.1", roles = ["registry"] }, b = { host = "192.0.2.2", roles = ["registry"] } }
  }

  expect_failures = [var.machines]
}

run "an_even_quorum_is_refused" {
  command = plan

  variables {
    machines = { a = { host = "192.0.2.1", server = true }, b = { host = "192.0.2.2", server = true } }
  }

  expect_failures = [var.machines]
}
