variable "core" {
  type    = string
  default = "co1"
}

variable "hosting" {
  type    = string
  default = "lab"
}

job "pryv-data" {
  id          = "pryv-data-${var.core}"
  name        = "pryv-data-${var.core}"
  type        = "service"
  region      = "global"
  namespace   = "default"
  datacenters = ["dc1"]
  priority    = 70

  constraint {
    attribute = "${meta.pryv_core}"
    operator  = "="
    value     = var.core
  }

  group "mongodb" {
    count = 1

    update {
      max_parallel      = 1
      health_check      = "checks"
      min_healthy_time  = "15s"
      healthy_deadline  = "5m"
      progress_deadline = "10m"
      # Data does not go back with an image.
      auto_revert = false
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
      port "mongodb_mongodb" {
        to           = 27017
        static       = 27017
        host_network = "private"
      }
    }

    volume "mongodb_data" {
      type      = "host"
      source    = "pryv-mongodb-data"
      read_only = false
    }

    volume "mongodb_backup" {
      type      = "host"
      source    = "pryv-mongodb-backup"
      read_only = false
    }

    service {
      name = "pryv-mongodb"
      port = "mongodb_mongodb"
      tags = [var.core]

      meta {
        core    = var.core
        hosting = var.hosting
      }

      check {
        name     = "mongodb_mongodb"
        type     = "tcp"
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "mongodb" {
      driver = "docker"

      config {
        image      = "pryvio/mongodb:1.9.0"
        force_pull = false
        init       = true
        ports      = ["mongodb_mongodb"]

        mount {
          type     = "bind"
          source   = "local/conf"
          target   = "/app/conf"
          readonly = true
        }

        mount {
          type     = "bind"
          source   = "../alloc/data"
          target   = "/app/log"
          readonly = false
        }
      }

      env {
        HOSTNAME = "${node.unique.name}"
      }

      volume_mount {
        volume      = "mongodb_data"
        destination = "/app/data"
      }

      volume_mount {
        volume      = "mongodb_backup"
        destination = "/app/backup"
      }

      template {
        destination = "local/conf/mongodb.yml"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
---
net:
  bindIp: "0.0.0.0"
storage:
  dbPath: "/app/data/"
EOT
      }

      resources {
        cpu    = 500
        memory = 1024
      }

      logs {
        max_files     = 10
        max_file_size = 10
      }

      kill_timeout = "300s"
    }
  }

  group "influxdb" {
    count = 1

    update {
      max_parallel      = 1
      health_check      = "checks"
      min_healthy_time  = "15s"
      healthy_deadline  = "5m"
      progress_deadline = "10m"
      # Data does not go back with an image.
      auto_revert = false
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
      port "influxdb_http" {
        to           = 8086
        static       = 8086
        host_network = "private"
      }
    }

    volume "influxdb_data" {
      type      = "host"
      source    = "pryv-influxdb-data"
      read_only = false
    }

    volume "influxdb_backup" {
      type      = "host"
      source    = "pryv-influxdb-backup"
      read_only = false
    }

    service {
      name = "pryv-influxdb"
      port = "influxdb_http"
      tags = [var.core]

      meta {
        core    = var.core
        hosting = var.hosting
      }

      check {
        name     = "influxdb_http"
        type     = "http"
        path     = "/ping"
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "influxdb" {
      driver = "docker"

      config {
        image      = "influxdb:1.7.8"
        force_pull = false
        init       = true
        ports      = ["influxdb_http"]
      }

      volume_mount {
        volume      = "influxdb_data"
        destination = "/var/lib/influxdb"
      }

      volume_mount {
        volume      = "influxdb_backup"
        destination = "/pryv/backup"
      }

      resources {
        cpu    = 300
        memory = 512
      }

      logs {
        max_files     = 10
        max_file_size = 10
      }

      kill_timeout = "300s"
    }
  }
}
