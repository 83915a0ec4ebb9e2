job "pryv-static" {
  type        = "service"
  region      = "global"
  namespace   = "default"
  datacenters = ["dc1"]
  priority    = 60

  constraint {
    attribute = "${meta.pryv_role}"
    operator  = "set_contains"
    value     = "static"
  }

  group "app" {
    count = 1

    update {
      max_parallel      = 1
      health_check      = "checks"
      min_healthy_time  = "15s"
      healthy_deadline  = "5m"
      progress_deadline = "10m"
      auto_revert       = true
    }

    restart {
      attempts = 3
      interval = "5m"
      delay    = "15s"
      mode     = "delay"
    }

    # What failed is tried again and again, at growing intervals; the constraint keeps it on its machine.
    reschedule {
      delay          = "30s"
      delay_function = "exponential"
      max_delay      = "1h"
      unlimited      = true
    }

    # A machine that is cut off keeps running; a second MongoDB beside it would be worse than a gap.
    disconnect {
      lost_after = "12h"
      replace    = false
      reconcile  = "keep_original"
    }

    migrate {
      max_parallel     = 1
      health_check     = "checks"
      min_healthy_time = "15s"
      healthy_deadline = "5m"
    }

    # Its log files stay through an update, since the next allocation is on the same node.
    ephemeral_disk {
      size   = 1000
      sticky = true
    }

    shutdown_delay = "5s"

    network {
      port "app_web_auth3_http" {
        to           = 80
        host_network = "private"
      }
    }

    service {
      name = "pryv-app-web-auth3"
      port = "app_web_auth3_http"
      tags = ["static"]

      check {
        name     = "app_web_auth3_http"
        type     = "http"
        path     = "/"
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "app-web-auth3" {
      driver = "docker"

      config {
        image      = "pryvio/app-web-auth3:1.0.8"
        force_pull = false
        init       = true
        ports      = ["app_web_auth3_http"]
      }

      resources {
        cpu    = 50
        memory = 64
      }

      logs {
        max_files     = 10
        max_file_size = 10
      }

      kill_timeout = "30s"
    }
  }
}
