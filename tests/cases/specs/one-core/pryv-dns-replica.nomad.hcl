job "pryv-dns-replica" {
  type        = "service"
  region      = "global"
  namespace   = "default"
  datacenters = ["dc1"]
  priority    = 70

  constraint {
    attribute = "${meta.pryv_role}"
    operator  = "set_contains"
    value     = "replica"
  }

  group "dns" {
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
      port "dns_dns" {
        to     = 5353
        static = 53
      }
    }

    service {
      name = "pryv-dns"
      port = "dns_dns"
      tags = ["replica"]

      check {
        name = "dns_dns"
        type = "script"
        # Nomad has no such check of its own: the command runs inside the container.
        task     = "dns"
        command  = "node"
        args     = ["-e", "const r = new (require('dns').Resolver)(); r.setServers(['127.0.0.1:5353']); r.resolve4('reg.pryv.example', e => process.exit(e ? 2 : 0)); setTimeout(() => process.exit(2), 4000)"]
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "dns" {
      driver = "docker"

      config {
        image      = "pryvio/dns:1.9.2"
        force_pull = false
        init       = true
        ports      = ["dns_dns"]

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
        destination = "secrets/conf/dns.json"
        perms       = "0400"
        uid         = 9999
        gid         = 9999
        change_mode = "restart"
        # A secret that is not there stops the task here, instead of an empty key.
        error_on_missing_key = true
        splay                = "5s"
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
    "host": "{{ with service "replica.pryv-redis|any" }}{{ with index . 0 }}{{ .Address }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}",
    "port": {{ with service "replica.pryv-redis|any" }}{{ with index . 0 }}{{ .Port }}{{ end }}{{ else }}{{ key "pryv-nomad/hold" }}{{ end }}
  },
  "invitationTokens": null,
  "reporting": {
    "licenseName": "Pryv.io",
    "role": "reg-slave",
    "templateVersion": "1.9.0"
  }
}
EOT

        wait {
          min = "60s"
          max = "120s"
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
}
