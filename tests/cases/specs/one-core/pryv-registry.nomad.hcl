job "pryv-registry" {
  type        = "service"
  region      = "global"
  namespace   = "default"
  datacenters = ["dc1"]
  priority    = 60

  constraint {
    attribute = "${meta.pryv_role}"
    operator  = "set_contains"
    value     = "registry"
  }

  group "register" {
    count = 2

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
    max_client_disconnect = "12h"

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
      port "register_http" {
        to           = 9000
        host_network = "private"
      }
    }

    service {
      name = "pryv-register"
      port = "register_http"
      tags = ["registry"]

      check {
        name     = "register_http"
        type     = "http"
        path     = "/service/info"
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "register" {
      driver = "docker"

      config {
        image      = "pryvio/register:1.9.2"
        force_pull = false
        init       = true
        ports      = ["register_http"]

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
      }

      env {
        HOSTNAME = "${node.unique.name}"
      }

      template {
        destination = "secrets/conf/register.json"
        perms       = "0400"
        uid         = 9999
        gid         = 9999
        change_mode = "restart"
        # A secret that is not there stops the task here, instead of an empty key.
        error_on_missing_key = true
        splay                = "90s"
        data                 = <<EOT
{
  "domain": "pryv.example",
  "hostnameOrIP": "https://reg.pryv.example",
  "access": {
    "defaultAuthUrl": "https://sw.pryv.example/access/access.html",
    "trustedAuthUrls": [
      "https://sw.pryv.example/access/access.html"
    ]
  },
  "service": {
    "serial": "2019061301",
    "name": "Pryv Lab",
    "support": "mailto:support@pryv.example",
    "terms": "https://pryv.example/terms-of-use",
    "register": "https://reg.pryv.example",
    "home": "https://sw.pryv.example",
    "eventTypes": "https://pryv.github.io/event-types/flat.json",
    "assets": {
      "definitions": "https://api.pryv.com/assets-pryv.me/index.json"
    },
    "access": "https://access.pryv.example/access",
    "api": "https://{username}.pryv.example"
  },
  "server": {
    "ssl": false,
    "port": 9000
  },
  "auth": {
    "coreSystemKey": {{ with nomadVar "nomad/jobs" }}{{ .CORE_SYSTEM_KEY.Value | toJSON }}{{ end }},
    "authorizedKeys": {
      {{ with nomadVar "nomad/jobs" }}{{ .REGISTER_SYSTEM_KEY_1.Value | toJSON }}{{ end }}: {
        "roles": [
          "system"
        ]
      },
      {{ with nomadVar "nomad/jobs" }}{{ .REGISTER_ADMIN_KEY.Value | toJSON }}{{ end }}: {
        "roles": [
          "admin"
        ]
      }
    }
  },
  "dns": {
    "port": 5353,
    "ip": "0.0.0.0",
    "name": "reg.pryv.example",
    "domain": "pryv.example",
    "domains": [
      "pryv.example"
    ],
    "certificateAuthorityAuthorization": {
      "issuer": "letsencrypt.org"
    },
    "staticDataInDomain": {
      "sw": {
        "ip": "203.0.113.30"
      },
      "mfa": {
        "ip": "203.0.113.30"
      },
      "reg": {
        "ip": "203.0.113.10"
      },
      "reg2": {
        "ip": "203.0.113.20"
      },
      "mail": {
        "ip": "203.0.113.10"
      },
      "access": {
        "alias": {
          "name": "reg.pryv.example"
        }
      },
      "service": {
        "alias": {
          "name": "reg.pryv.example"
        }
      },
      "dns1": {
        "ip": "203.0.113.10"
      },
      "dns2": {
        "ip": "203.0.113.20"
      }
    },
    "customEntries": null,
    "mail": [],
    "domain_A": "203.0.113.30",
    "nameserver": [
      {
        "name": "dns1.pryv.example",
        "ip": "203.0.113.10"
      },
      {
        "name": "dns2.pryv.example",
        "ip": "203.0.113.20"
      }
    ],
    "rootTXT": {
      "description": []
    }
  },
  "net": {
    "hostings": {{ $count := key (printf "pryv-nomad/%s/members/generation" "pryv.example") }}
{{- $known := parseJSON "{\"ch\": {\"description\": \"\", \"name\": \"Switzerland\", \"url\": \"https://ch.example\"}}" }}
{{- $listed := sprig_dict }}{{ $providers := sprig_dict }}
{{- range service "pryv-core|any" }}
  {{- $core := index .ServiceMeta "core" }}
  {{- $hosting := index .ServiceMeta "hosting" }}
  {{- $state := index .ServiceMeta "state" }}
  {{- $ours := and (eq (index .ServiceMeta "platform") "pryv.example") $core $hosting .Address }}
  {{- if and $ours (or (not $state) (eq $state "active" "draining")) }}
    {{- if not (sprig_hasKey $listed $hosting) }}{{ $_ := sprig_set $listed $hosting sprig_dict }}{{ end }}
    {{- $_ := sprig_set (index $listed $hosting) $core (sprig_dict "ip" .Address) }}
    {{- if sprig_hasKey $known $hosting }}{{ $_ := sprig_set $providers $hosting (index $known $hosting) }}{{ end }}
  {{- end }}
{{- end }}
{{- if not $listed }}
  {{- if eq $count "0" }}
    {{- range $hosting, $provider := $known }}
      {{- $_ := sprig_set $listed $hosting sprig_dict }}{{ $_ := sprig_set $providers $hosting $provider }}
    {{- end }}
  {{- else }}{{ key "pryv-nomad/hold" }}{{ end }}
{{- end }}
{{- $listed | toJSON }},
    "providers": {{ $count := key (printf "pryv-nomad/%s/members/generation" "pryv.example") }}
{{- $known := parseJSON "{\"ch\": {\"description\": \"\", \"name\": \"Switzerland\", \"url\": \"https://ch.example\"}}" }}
{{- $listed := sprig_dict }}{{ $providers := sprig_dict }}
{{- range service "pryv-core|any" }}
  {{- $core := index .ServiceMeta "core" }}
  {{- $hosting := index .ServiceMeta "hosting" }}
  {{- $state := index .ServiceMeta "state" }}
  {{- $ours := and (eq (index .ServiceMeta "platform") "pryv.example") $core $hosting .Address }}
  {{- if and $ours (or (not $state) (eq $state "active" "draining")) }}
    {{- if not (sprig_hasKey $listed $hosting) }}{{ $_ := sprig_set $listed $hosting sprig_dict }}{{ end }}
    {{- $_ := sprig_set (index $listed $hosting) $core (sprig_dict "ip" .Address) }}
    {{- if sprig_hasKey $known $hosting }}{{ $_ := sprig_set $providers $hosting (index $known $hosting) }}{{ end }}
  {{- end }}
{{- end }}
{{- if not $listed }}
  {{- if eq $count "0" }}
    {{- range $hosting, $provider := $known }}
      {{- $_ := sprig_set $listed $hosting sprig_dict }}{{ $_ := sprig_set $providers $hosting $provider }}
    {{- end }}
  {{- else }}{{ key "pryv-nomad/hold" }}{{ end }}
{{- end }}
{{- $providers | toJSON }}
  },
  "redis": {
    "host": "{{ with service "registry.pryv-redis|any" }}{{ with index . 0 }}{{ .Address }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}",
    "port": {{ with service "registry.pryv-redis|any" }}{{ with index . 0 }}{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}
  },
  "invitationTokens": null,
  "reporting": {
    "licenseName": "Pryv.io",
    "role": "reg-master",
    "templateVersion": "1.9.0"
  },
  "routes": {
    "disableGetUsernameByEmail": false
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

  group "mail" {
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
    max_client_disconnect = "12h"

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
      port "mail_http" {
        to           = 9000
        host_network = "private"
      }
    }

    service {
      name = "pryv-mail"
      port = "mail_http"
      tags = ["registry"]

      check {
        name     = "mail_http"
        type     = "tcp"
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "mail" {
      driver = "docker"

      config {
        image      = "pryvio/mail:1.9.0"
        force_pull = false
        init       = true
        ports      = ["mail_http"]

        mount {
          type     = "bind"
          source   = "secrets/conf"
          target   = "/app/conf"
          readonly = true
        }

        mount {
          type     = "bind"
          source   = "secrets/conf/templates"
          target   = "/app/bin/templates"
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
        destination = "secrets/conf/mail.json"
        perms       = "0400"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        # A secret that is not there stops the task here, instead of an empty key.
        error_on_missing_key = true
        data                 = <<EOT
{
  "logs": {
    "prefix": "",
    "console": {
      "active": true,
      "level": "info",
      "colorize": true
    },
    "file": {
      "active": false
    }
  },
  "email": {
    "message": {
      "from": {
        "name": "Pryv Lab",
        "address": "no-reply@pryv.example"
      }
    }
  },
  "smtp": {
    "host": "localhost",
    "port": 25
  },
  "sendmail": {
    "active": false
  },
  "http": {
    "ip": "0.0.0.0",
    "port": 9000,
    "auth": {{ with nomadVar "nomad/jobs" }}{{ .CORE_MAIL_KEY.Value | toJSON }}{{ end }}
  },
  "templates": {
    "root": "/app/bin/templates",
    "defaultLang": "en"
  }
}
EOT
      }

      template {
        destination = "secrets/conf/templates/welcome-email/en/subject.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
= `Welcome "#{USERNAME}" $${x} {{"{{"}} y }}`{{ "" -}}
EOT
      }

      template {
        destination = "secrets/conf/templates/welcome-email/en/html.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
p Hello #{USERNAME},
p Your account is ready. We have noted this address: #{EMAIL}{{ "" -}}
EOT
      }

      template {
        destination = "secrets/conf/templates/welcome-email/fr/subject.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
= `Votre compte est prêt`{{ "" -}}
EOT
      }

      template {
        destination = "secrets/conf/templates/welcome-email/fr/html.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
p Bonjour #{USERNAME},
p Votre compte est prêt. Nous avons noté cette adresse : #{EMAIL}{{ "" -}}
EOT
      }

      template {
        destination = "secrets/conf/templates/welcome-email/de/subject.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
= `Ihr Konto ist bereit`{{ "" -}}
EOT
      }

      template {
        destination = "secrets/conf/templates/welcome-email/de/html.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
p Guten Tag #{USERNAME},
p Ihr Konto ist bereit. Wir haben diese Adresse notiert: #{EMAIL}{{ "" -}}
EOT
      }

      template {
        destination = "secrets/conf/templates/reset-password/en/subject.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
= `Choose a new password`{{ "" -}}
EOT
      }

      template {
        destination = "secrets/conf/templates/reset-password/en/html.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
p Hello,
p Somebody, most likely you, asked to choose a new password for your account.
p <a href="#{RESET_URL}?resetToken=#{RESET_TOKEN}" target="_blank">Choose a new password</a>
p If it was not you, there is nothing to do.{{ "" -}}
EOT
      }

      template {
        destination = "secrets/conf/templates/reset-password/fr/subject.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
= `Nouveau mot de passe`{{ "" -}}
EOT
      }

      template {
        destination = "secrets/conf/templates/reset-password/fr/html.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
p Bonjour,
p Un nouveau mot de passe a été demandé pour votre compte.
p <a href="#{RESET_URL}?resetToken=#{RESET_TOKEN}" target="_blank">Choisir un nouveau mot de passe</a>
p Si cette demande ne vient pas de vous, ignorez ce message.{{ "" -}}
EOT
      }

      template {
        destination = "secrets/conf/templates/reset-password/de/subject.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
= `Neues Passwort`{{ "" -}}
EOT
      }

      template {
        destination = "secrets/conf/templates/reset-password/de/html.pug"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
p Guten Tag,
p Für Ihr Konto wurde ein neues Passwort verlangt.
p <a href="#{RESET_URL}?resetToken=#{RESET_TOKEN}" target="_blank">Neues Passwort wählen</a>
p Waren Sie es nicht, so ist nichts zu tun.{{ "" -}}
EOT
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
