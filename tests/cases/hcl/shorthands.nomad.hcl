/* Everything that Nomad decodes by hand: shorthands, lone tasks, a group's vault, periodic, ports. */
job periodic {
  periodic {
    cron             = "0 3 * * *"
    prohibit_overlap = true
  }
  constraint { distinct_hosts = true }
  constraint {
    distinct_property = "${meta.rack}"
    value             = 2
  }
  constraint {
    attribute = attr.vault.version
    semver    = ">= 1.2"
  }
  constraint {
    attribute = "${attr.cpu.arch}"
    regexp    = "^(amd|arm)64$"
  }
  constraint {
    attribute    = "${meta.roles}"
    set_contains = "core,reg"
  }
  affinity {
    attribute        = "${meta.roles}"
    set_contains_any = "a,b"
    weight           = 75
  }
  affinity {
    attribute = "${node.datacenter}"
    value     = "dc1"
  }
  spread {
    attribute = "${node.datacenter}"
    target "dc1" { percent = 60 }
    target "dc2" {
      percent = 40
    }
  }
  vault {}
  task "lone" {
    driver = "raw_exec"
    config { command = "/bin/true" }
    restart {
      attempts = 0
    }
  }
  group "vaulted" {
    vault {
      policies     = ["group"]
      disable_file = true
    }
    scaling {
      max = 4
      policy {
        cooldown = "1m"
        check "cpu" {
          source = "nomad"
          strategy "target" {
            target = 70
          }
        }
      }
    }
    network {
      port "a" { static = 80 }
      port "b" {}
      port "c" { static = 443 }
    }
    network {}
    task "one" {
      scaling "cpu" { min = 100 }
      scaling "MEM" {
        max = 1024
        policy {}
      }
      resources {
        network {
          port "x" { static = 1 }
          port "y" {}
        }
        device "nvidia/gpu" { count = 2 }
      }
      identity { env = true }
    }
    task "two" {
      vault { env = false }
      template {
        change_script {
          command       = "/bin/sh"
          args          = ["-c", "true"]
          timeout       = "1s"
          fail_on_error = true
        }
      }
    }
  }
}
