# What a plan of the module holds. A rollout itself is tried in tests/terraform/test_rollout.py.

variables {
  cluster_files = ["tests/cluster.yml"]
}

run "the_command_is_a_list_of_words" {
  command = plan

  variables {
    set            = { "update.canary" = 0, "platform.name" = "it's \"x\" $HOME" }
    only           = "pryv-dns*"
    nomad_address  = "https://nomad.example:4646"
    consul_address = "https://consul.example:8501"
    token_file     = "/run/nomad token"
    command        = ["python3", "-m", "pryv_nomad"]
  }

  assert {
    condition = output.run == tolist([
      "python3", "-m", "pryv_nomad", "--cluster", "tests/cluster.yml",
      "--set", "platform.name=\"it's \\\"x\\\" $HOME\"", "--set", "update.canary=0",
      "--address", "https://nomad.example:4646", "--consul-address", "https://consul.example:8501",
      "--token-file", "/run/nomad token", "run", "--only", "pryv-dns*", "--yes",
    ])
    error_message = "the words are ${jsonencode(output.run)}"
  }
}

run "nothing_is_pruned_forced_or_overwritten_unless_asked_for" {
  command = plan

  assert {
    condition     = output.run == tolist(["pryv-nomad", "--cluster", "tests/cluster.yml", "run", "--yes"])
    error_message = "the words are ${jsonencode(output.run)}"
  }
}

run "prune_spares_cores_unless_destroy_is_allowed" {
  command = plan

  variables {
    prune     = true
    overwrite = true
  }

  assert {
    condition     = contains(output.run, "--prune") && contains(output.run, "--overwrite") && !contains(output.run, "--force")
    error_message = "the words are ${jsonencode(output.run)}"
  }
}

run "prune_and_destroy_take_cores_too" {
  command = plan

  variables {
    prune         = true
    allow_destroy = true
  }

  assert {
    condition     = contains(output.run, "--force")
    error_message = "the words are ${jsonencode(output.run)}"
  }
}

run "a_given_hash_is_the_trigger" {
  command = plan

  variables {
    spec_hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
  }

  assert {
    condition     = output.spec_hash == var.spec_hash
    error_message = "the trigger is ${output.spec_hash}"
  }
}

run "the_contents_of_the_files_are_the_trigger_else" {
  command = plan

  assert {
    condition     = output.spec_hash == sha256(jsonencode({ files = [filesha256("tests/cluster.yml")], set = sha256("{}"), templates = {} }))
    error_message = "the trigger is ${output.spec_hash}"
  }
}

run "a_missing_file_is_refused" {
  command = plan

  variables {
    cluster_files = ["tests/missing.yml"]
  }

  expect_failures = [var.cluster_files]
}

run "no_file_is_refused" {
  command = plan

  variables {
    cluster_files = []
  }

  expect_failures = [var.cluster_files]
}

run "what_cannot_be_meant_is_refused" {
  command = plan

  variables {
    set            = ["update.canary=0"]
    templates      = "tests/missing"
    only           = " "
    command        = []
    spec_hash      = "abc"
    nomad_address  = "https://user:password@nomad.example"
    consul_address = "consul.example:8500"
  }

  expect_failures = [var.set, var.templates, var.only, var.command, var.spec_hash, var.nomad_address, var.consul_address]
}
