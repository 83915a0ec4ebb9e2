# A job as an operator writes it: services, templates, volumes, a canary.
variable "core" {
  type        = string
  default     = "co1"
  description = "Name of the core."
}

variable "instances" {
  type    = number
  default = "2"
}

variable "labels" {
  type    = map(string)
  default = { team = "pryv", count = 3 }
}

variables {
  tags = ["a", "b"]
}

locals {
  name  = "pryv-core-${var.core}"
  image = "${local.base}:1.9.2"
  base  = "pryvio/core"
}

job "pryv-core" {
  id          = local.name
  name        = "${local.name}"
  datacenters = ["dc1", "dc-${var.core}"]
  type        = "service"
  meta        = var.labels

  constraint {
    attribute = "${meta.pryv_core}"
    value     = var.core
  }

  update {
    max_parallel      = 1
    canary            = 1
    min_healthy_time  = "10s"
    healthy_deadline  = "5m"
    progress_deadline = "10m"
    auto_promote      = false
  }

  vault {
    policies = ["pryv"]
  }

  group "api" {
    count                 = var.instances
    max_client_disconnect = "1h"

    network {
      mode = "bridge"
      port "api" {
        to           = 3000
        host_network = "private"
      }
      port "fixed" { static = 4222 }
    }

    volume "data" {
      type   = "host"
      source = "core-${var.core}"
    }

    service {
      name        = "pryv-core-api"
      port        = "api"
      tags        = concat([var.core], var.tags)
      canary_tags = ["${var.core}-canary"]
      meta {
        hosting = "ch"
        scheme  = "http"
      }
      check {
        type     = "http"
        path     = "/"
        interval = "10s"
        timeout  = "2s"
        header {
          Host = ["${var.core}.pryv.example"]
        }
        check_restart {
          limit = 3
          grace = "90s"
        }
      }
    }

    task "core" {
      driver       = "docker"
      kill_timeout = "60s"
      user         = "9999:9999"

      config {
        image = local.image
        ports = ["api"]
        args  = [upper(var.core), format("%s/%d", var.core, 3), jsonencode({ b = "<x>", a = [1, true, null] })]
        auth {
          username = "${NOMAD_META_user}"
        }
        mount {
          type   = "bind"
          source = "local/conf"
          target = "/app/conf"
          bind_options { propagation = "rshared" }
        }
        mount {
          type     = "volume"
          source   = "data"
          readonly = true
          volume_options {
            labels {
              core = var.core
            }
          }
        }
        labels = { core = var.core }
        ulimit {
          nofile = "65536:65536"
        }
        logging {
          type = "json-file"
          config { max-size = "10m" }
        }
      }

      env = {
        "dotted.name" = "${attr.unique.network.ip-address}"
        PORT          = "${NOMAD_PORT_api}"
        LITERAL       = "$${HOME} %%{x} $$5 100%"
        NUMBER        = 1.50
      }

      meta {
        a = "b"
      }

      template {
        destination = "local/conf/core.yml"
        change_mode = "noop"
        data        = <<-EOT
          {{ with nomadVar "nomad/jobs" }}
          key: "{{ .KEY }}"
            nested: \n stays, ${node.unique.name} too, $${this} as well

          {{ end }}
        EOT
        wait {
          min = "5s"
          max = "1m"
        }
      }

      template {
        destination = "local/empty"
        data        = <<EOT
EOT
        change_script {
          command = "/bin/true"
        }
      }

      artifact {
        source = "https://example.invalid/a.tar.gz?checksum=x"
        options {
          depth = 1
        }
      }

      volume_mount {
        volume      = "data"
        destination = "/app/data"
      }

      resources {
        cpu    = 500
        memory = 512
      }

      logs {
        max_files     = 5
        max_file_size = 10
      }
    }

    task "sidecar" {
      driver = "docker"
      lifecycle {
        hook    = "poststart"
        sidecar = true
      }
      vault {
        change_mode = "noop"
      }
    }
  }
}
