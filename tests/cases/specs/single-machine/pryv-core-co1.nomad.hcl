variable "core" {
  type    = string
  default = "co1"
}

variable "hosting" {
  type    = string
  default = "lab"
}

job "pryv-core" {
  id          = "pryv-core-${var.core}"
  name        = "pryv-core-${var.core}"
  type        = "service"
  region      = "global"
  namespace   = "default"
  datacenters = ["dc1"]
  priority    = 60

  constraint {
    attribute = "${meta.pryv_core}"
    operator  = "="
    value     = var.core
  }

  # One container with all its processes: each container of core runs a NATS and a migration of its own.
  # A canary has its own tags in place of the core's, so that nobody finds it before it is promoted.
  group "api" {
    count = 1

    update {
      max_parallel      = 1
      health_check      = "checks"
      min_healthy_time  = "15s"
      healthy_deadline  = "5m"
      progress_deadline = "10m"
      auto_revert       = true
      canary            = 1
      auto_promote      = false
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
      port "core_api_0" {
        to           = 3000
        host_network = "private"
      }
      port "core_nats" {
        to           = 4222
        host_network = "private"
      }
    }

    volume "core_data" {
      type      = "host"
      source    = "pryv-core-data"
      read_only = false
    }

    service {
      name        = "pryv-core-api"
      port        = "core_api_0"
      tags        = [var.core]
      canary_tags = ["${var.core}-canary"]

      meta {
        core    = var.core
        hosting = var.hosting
      }

      check {
        name     = "core_api_0"
        type     = "http"
        path     = "/"
        interval = "10s"
        timeout  = "5s"
      }
    }

    service {
      name        = "pryv-nats"
      port        = "core_nats"
      tags        = [var.core]
      canary_tags = ["${var.core}-canary"]

      meta {
        core    = var.core
        hosting = var.hosting
      }
    }

    task "core" {
      driver = "docker"

      config {
        image      = "pryvio/core:1.9.2"
        force_pull = false
        init       = true
        ports      = ["core_api_0", "core_nats"]

        mount {
          type     = "bind"
          source   = "secrets/conf"
          target   = "/app/conf"
          readonly = true
        }

        mount {
          type     = "bind"
          source   = "../alloc/data"
          target   = "/app/log"
          readonly = false
        }

        mount {
          type     = "bind"
          source   = "/dev/log"
          target   = "/dev/log-host"
          readonly = false
        }
      }

      env {
        HOSTNAME      = "${node.unique.name}"
        NUM_PROCS     = "1"
        STARTING_PORT = "3000"
      }

      volume_mount {
        volume      = "core_data"
        destination = "/app/data"
      }

      template {
        destination = "secrets/conf/core.yml"
        perms       = "0400"
        uid         = 9999
        gid         = 9999
        change_mode = "restart"
        # A secret that is not there stops the task here, instead of an empty key.
        error_on_missing_key = true
        splay                = "5s"
        data                 = <<EOT
{{- /* generation: CORE_SYSTEM_KEY 1 */ -}}
---
domain: "lab.example"
serviceInfoUrl: "http://{{ with service "registry.pryv-register|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}/service/info"
http:
  ip: "0.0.0.0"
  port: "9000"
database:
  host: "{{ env "NOMAD_HOST_IP_core_api_0" }}"
  port: 27017
  name: "pryv-node"
influxdb:
  host: "{{ env "NOMAD_HOST_IP_core_api_0" }}"
  port: 8086
userFiles:
  path: "/app/data/users"
eventFiles:
  attachmentsDirPath: "/app/data/attachments"
  previewsDirPath: "/app/data/previews"
auth:
  trustedApps: "*@https://*.lab.example*, *@https://pryv.github.io*, *@https://*.backloop.dev*"
  sessionMaxAge: 1209600000
  ssoCookieDomain: ".lab.example"
  ssoCookieSignSecret: {{ with nomadVar "nomad/jobs" }}{{ .SSO_COOKIE_SIGN_SECRET.Value | toJSON }}{{ end }}
  filesReadTokenSecret: {{ with nomadVar "nomad/jobs" }}{{ .FILES_READ_TOKEN_SECRET.Value | toJSON }}{{ end }}
  passwordResetRequestMaxAge: 3600000
  passwordResetPageURL: "https://sw.lab.example/access/reset-password.html"
  adminAccessKey: {{ with nomadVar "nomad/jobs" }}{{ .CORE_SYSTEM_KEY.Value | toJSON }}{{ end }}
  passwordComplexityMinCharCategories: 1
  passwordComplexityMinLength: 6
  passwordAgeMaxDays: 0
  passwordAgeMinDays: 0
  passwordPreventReuseHistoryLength: 0
services:
  register:
    url: "http://{{ with service "registry.pryv-register|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}"
    key: {{ with nomadVar "nomad/jobs" }}{{ .REGISTER_SYSTEM_KEY_1.Value | toJSON }}{{ end }}
  email:
    enabled:
      welcome: false
      resetPassword: false
    method: "microservice"
    url: "http://{{ with service "registry.pryv-mail|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}/sendmail/"
    key: {{ with nomadVar "nomad/jobs" }}{{ .CORE_MAIL_KEY.Value | toJSON }}{{ end }}
    welcomeTemplate: "welcome-email"
    resetPasswordTemplate: "reset-password"
reporting:
  licenseName: "Pryv.io"
  templateVersion: "1.9.0"
updates:
  ignoreProtectedFields: false
versioning:
  forceKeepHistory: false
  deletionMode: "keep-nothing"
webhooks:
  minIntervalMs: 5000
  maxRetries: 5
  runsSize: 50
logs:
  file:
    active: true
    level: "info"
    path: "/app/log/core.log"
    rotation:
      isActive: true
      days: 60
  console:
    active: true
    level: "info"
    colorize: true
customExtensions:
  defaultFolder: "/app/conf/custom-extensions"
dnsLess:
  isActive: false
custom:
  systemStreams:
    account:
    - isIndexed: true
      isUnique: true
      isShown: true
      isEditable: true
      type: "email/string"
      name: "Email"
      id: "email"
      isRequiredInValidation: true
    other: []
  dataStores: []
openSource:
  isActive: false
user-account:
  delete:
  - "adminToken"
audit:
  storage:
    filter:
      methods:
        include:
        - "accesses.create"
        exclude: []
  syslog:
    options:
      host: "localhost"
      protocol: "unix"
      path: "/dev/log-host"
      localhost: ""
      app_name: "pryv-audit"
    formats:
      default:
        template: "{userid} {type} createdBy:{createdBy} {streamIds} {content}"
        level: "notice"
    filter:
      methods:
        include:
        - "accesses.create"
        exclude: []
backwardCompatibility:
  systemStreams:
    prefix:
      isActive: false
  tags:
    isActive: false
    rootStreamId: "tags-migrated"
    streamIdPrefix: "tag-migrated-"
uploads:
  maxSizeMb: 20
integrity:
  isActive:
    attachments: false
    events: false
    accesses: false
  algorithm: "sha256"
trace:
  enable: false
accessTracking:
  isActive: true
EOT

        wait {
          min = "5s"
          max = "30s"
        }
      }

      template {
        destination = "secrets/conf/custom-extensions/customAuthStepFn.js"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
module.exports=function(ctx, cb){cb();}{{ "" -}}
EOT
      }

      resources {
        cpu    = 300
        memory = 400
      }

      logs {
        max_files     = 10
        max_file_size = 10
      }

      kill_timeout = "30s"
    }
  }

  group "hfs" {
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
      port "hfs_http_0" {
        to           = 3000
        host_network = "private"
      }
    }

    volume "core_data" {
      type      = "host"
      source    = "pryv-core-data"
      read_only = false
    }

    service {
      name = "pryv-hfs"
      port = "hfs_http_0"
      tags = [var.core]

      meta {
        core    = var.core
        hosting = var.hosting
      }

      check {
        name     = "hfs_http_0"
        type     = "http"
        path     = "/system/status"
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "hfs" {
      driver = "docker"

      config {
        image      = "pryvio/hfs:1.9.2"
        force_pull = false
        init       = true
        ports      = ["hfs_http_0"]

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
        HOSTNAME  = "${node.unique.name}"
        NUM_PROCS = "1"
      }

      volume_mount {
        volume      = "core_data"
        destination = "/app/data"
      }

      template {
        destination = "local/conf/hfs.yml"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "restart"
        splay       = "5s"
        data        = <<EOT
---
http:
  ip: "0.0.0.0"
database:
  host: "{{ env "NOMAD_HOST_IP_hfs_http_0" }}"
  port: 27017
influxdb:
  host: "{{ env "NOMAD_HOST_IP_hfs_http_0" }}"
  port: 8086
trace:
  enable: false
  agent:
    host: "jaeger"
userFiles:
  path: "/app/data/users"
eventFiles:
  attachmentsDirPath: "/app/data/attachments"
  previewsDirPath: "/app/data/previews"
metadataUpdater:
  host: "127.0.0.1"
  port: 9000
nats:
  uri: "nats://{{ with service "${var.core}.pryv-nats|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}"
services:
  register:
    url: "http://{{ with service "registry.pryv-register|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}"
serviceInfoUrl: "http://{{ with service "registry.pryv-register|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}/service/info"
logs:
  file:
    active: true
    level: "info"
    path: "/app/log/hfs.log"
    rotation:
      isActive: true
      days: 60
  console:
    active: true
    level: "info"
uploads:
  maxSizeMb: 20
EOT

        wait {
          min = "15s"
          max = "40s"
        }
      }

      template {
        destination = "local/conf/metadata.hjson"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        splay       = "5s"
        data        = <<EOT
{
  "metadataUpdater": {
    "host": "127.0.0.1",
    "port": 9000
  },
  "logs": {
    "console": {
      "level": "info"
    }
  },
  "userFiles": {
    "path": "/app/data/users"
  },
  "database": {
    "host": "{{ env "NOMAD_HOST_IP_hfs_http_0" }}",
    "port": 27017,
    "name": "pryv-node"
  },
  "serviceInfoUrl": "http://{{ with service "registry.pryv-register|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}/service/info",
  "backwardCompatibility": {
    "systemStreams": {
      "prefix": {
        "isActive": false
      }
    },
    "tags": {
      "isActive": false,
      "rootStreamId": "tags-migrated",
      "streamIdPrefix": "tag-migrated-"
    }
  },
  "nats": {
    "uri": "nats://{{ with service "${var.core}.pryv-nats|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}"
  }
}
EOT

        wait {
          min = "5s"
          max = "30s"
        }
      }

      resources {
        cpu    = 200
        memory = 256
      }

      logs {
        max_files     = 10
        max_file_size = 10
      }

      kill_timeout = "30s"
    }
  }

  # No canary: a second webhooks would deliver each call twice.
  group "workers" {
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
      port "preview_http" {
        to           = 9000
        host_network = "private"
      }
    }

    volume "core_data" {
      type      = "host"
      source    = "pryv-core-data"
      read_only = false
    }

    service {
      name = "pryv-preview"
      port = "preview_http"
      tags = [var.core]

      meta {
        core    = var.core
        hosting = var.hosting
      }

      check {
        name     = "preview_http"
        type     = "tcp"
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "preview" {
      driver = "docker"

      config {
        image      = "pryvio/preview:1.9.2"
        force_pull = false
        init       = true
        ports      = ["preview_http"]

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
        volume      = "core_data"
        destination = "/app/data"
      }

      template {
        destination = "local/conf/preview.yml"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "restart"
        splay       = "5s"
        data        = <<EOT
---
http:
  ip: "0.0.0.0"
  port: 9000
database:
  host: "{{ env "NOMAD_HOST_IP_preview_http" }}"
  port: 27017
  name: "pryv-node"
userFiles:
  path: "/app/data/users"
eventFiles:
  attachmentsDirPath: "/app/data/attachments"
  previewsDirPath: "/app/data/previews"
auth:
  sessionMaxAge: 1209600000
logs:
  file:
    active: true
    level: "info"
    path: "/app/log/preview.log"
    rotation:
      isActive: true
      days: 60
  console:
    active: true
    level: "info"
serviceInfoUrl: "http://{{ with service "registry.pryv-register|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}/service/info"
nats:
  uri: "nats://{{ with service "${var.core}.pryv-nats|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}"
EOT

        wait {
          min = "5s"
          max = "30s"
        }
      }

      resources {
        cpu    = 200
        memory = 256
      }

      logs {
        max_files     = 10
        max_file_size = 10
      }

      kill_timeout = "30s"
    }

    task "webhooks" {
      driver = "docker"

      config {
        image      = "pryvio/webhooks:1.9.2"
        force_pull = false
        init       = true

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
        volume      = "core_data"
        destination = "/app/data"
      }

      template {
        destination = "local/conf/webhooks.yml"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "restart"
        splay       = "5s"
        data        = <<EOT
---
database:
  host: "{{ env "NOMAD_HOST_IP_preview_http" }}"
  port: 27017
  name: "pryv-node"
nats:
  uri: "nats://{{ with service "${var.core}.pryv-nats|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}"
userFiles:
  path: "/app/data/users"
eventFiles:
  attachmentsDirPath: "/app/data/attachments"
  previewsDirPath: "/app/data/previews"
logs:
  file:
    active: true
    level: "info"
    path: "/app/log/webhooks.log"
    rotation:
      isActive: true
      days: 60
  console:
    active: true
    level: "info"
serviceInfoUrl: "http://{{ with service "registry.pryv-register|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}/service/info"
trace:
  enable: false
EOT

        wait {
          min = "5s"
          max = "30s"
        }
      }

      resources {
        cpu    = 100
        memory = 192
      }

      logs {
        max_files     = 10
        max_file_size = 10
      }

      kill_timeout = "30s"
    }
  }

  # No canary: its sessions are in its memory.
  group "mfa" {
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
      port "mfa_http" {
        to           = 7000
        host_network = "private"
      }
    }

    service {
      name = "pryv-mfa"
      port = "mfa_http"
      tags = [var.core]

      meta {
        core    = var.core
        hosting = var.hosting
      }

      check {
        name     = "mfa_http"
        type     = "tcp"
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "mfa" {
      driver = "docker"

      config {
        image      = "pryvio/mfa:1.1.9"
        force_pull = false
        init       = true
        ports      = ["mfa_http"]

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

      template {
        destination = "local/conf/mfa.yml"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "restart"
        splay       = "5s"
        data        = <<EOT
---
http:
  port: 7000
  ip: "0.0.0.0"
logs:
  prefix: "mfa"
  console:
    active: true
    level: "info"
    colorize: true
  file:
    active: false
core:
  url: "http://{{ with service "${var.core}.pryv-core-api|any" }}{{ with index . 0 }}{{ .Address }}:{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}"
sms:
  mode: "single"
  endpoints:
    challenge:
      url: ""
      method: "POST"
      body: "{\"phone_number\":\"{{"{{"}} phone_number }}\"}"
      headers:
        authorization: ""
        content-type: "application/json"
    verify:
      url: ""
      method: "POST"
      body: "{\"phone_number\":\"{{"{{"}} phone_number }}\",\"code\":\"{{"{{"}} code }}\"}"
      headers:
        authorization: ""
        content-type: "application/json"
    single:
      url: ""
      method: "POST"
      body: "{\"phone_number\":\"{{"{{"}} phone_number }}\"}"
      headers:
        authorization: ""
        content-type: "application/json"
sessions:
  ttlSeconds: 1800
EOT

        wait {
          min = "5s"
          max = "30s"
        }
      }

      resources {
        cpu    = 100
        memory = 128
      }

      logs {
        max_files     = 10
        max_file_size = 10
      }

      kill_timeout = "30s"
    }
  }
}
