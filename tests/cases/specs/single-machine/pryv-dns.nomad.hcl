job "pryv-dns" {
  type        = "service"
  region      = "global"
  namespace   = "default"
  datacenters = ["dc1"]
  priority    = 70

  constraint {
    attribute = "${meta.pryv_role}"
    operator  = "set_contains"
    value     = "registry"
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
      port "dns_dns" {
        to     = 5353
        static = 53
      }
    }

    service {
      name = "pryv-dns"
      port = "dns_dns"
      tags = ["registry"]

      check {
        name = "dns_dns"
        type = "script"
        # Nomad has no such check of its own: the command runs inside the container.
        task     = "dns"
        command  = "node"
        args     = ["-e", "const r = new (require('dns').Resolver)(); r.setServers(['127.0.0.1:5353']); r.resolve4('reg.lab.example', e => process.exit(e ? 2 : 0)); setTimeout(() => process.exit(2), 4000)"]
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
{{- /* generation: CORE_SYSTEM_KEY 1 */ -}}
{
  "domain": "lab.example",
  "hostnameOrIP": "https://reg.lab.example",
  "access": {
    "defaultAuthUrl": "https://sw.lab.example/access/access.html",
    "trustedAuthUrls": [
      "https://sw.lab.example/access/access.html"
    ]
  },
  "service": {
    "serial": "2019061301",
    "name": "Lab",
    "support": "mailto:support@lab.example",
    "terms": "https://lab.example/terms-of-use",
    "register": "https://reg.lab.example",
    "home": "https://sw.lab.example",
    "eventTypes": "https://pryv.github.io/event-types/flat.json",
    "assets": {
      "definitions": "https://api.pryv.com/assets-pryv.me/index.json"
    },
    "access": "https://access.lab.example/access",
    "api": "https://{username}.lab.example"
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
    "name": "reg.lab.example",
    "domain": "lab.example",
    "domains": [
      "lab.example"
    ],
    "certificateAuthorityAuthorization": {
      "issuer": "letsencrypt.org"
    },
    "staticDataInDomain": {
      "sw": {
        "alias": {
          "name": "local.lab.example"
        }
      },
      "mfa": {
        "alias": {
          "name": "local.lab.example"
        }
      },
      "reg": {
        "alias": {
          "name": "local.lab.example"
        }
      },
      "access": {
        "alias": {
          "name": "local.lab.example"
        }
      },
      "mail": {
        "alias": {
          "name": "local.lab.example"
        }
      },
      "local": {
        "ip": "203.0.113.10"
      }
    },
    "customEntries": null,
    "mail": [],
    "domain_A": "203.0.113.10",
    "nameserver": [
      {
        "name": "dns1.lab.example",
        "ip": "203.0.113.10"
      },
      {
        "name": "dns2.lab.example",
        "ip": "203.0.113.10"
      }
    ],
    "rootTXT": {
      "description": []
    }
  },
  "net": {
    "hostings": {{ $count := key (printf "pryv-nomad/%s/members/generation" "lab.example") }}
{{- $known := parseJSON "{\"lab\": {\"description\": \"\", \"name\": \"Lab\", \"url\": \"https://lab.example\"}}" }}
{{- $listed := sprig_dict }}{{ $providers := sprig_dict }}
{{- range service "pryv-core|any" }}
  {{- $core := index .ServiceMeta "core" }}
  {{- $hosting := index .ServiceMeta "hosting" }}
  {{- $state := index .ServiceMeta "state" }}
  {{- $ours := and (eq (index .ServiceMeta "platform") "lab.example") $core $hosting .Address }}
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
    "providers": {{ $count := key (printf "pryv-nomad/%s/members/generation" "lab.example") }}
{{- $known := parseJSON "{\"lab\": {\"description\": \"\", \"name\": \"Lab\", \"url\": \"https://lab.example\"}}" }}
{{- $listed := sprig_dict }}{{ $providers := sprig_dict }}
{{- range service "pryv-core|any" }}
  {{- $core := index .ServiceMeta "core" }}
  {{- $hosting := index .ServiceMeta "hosting" }}
  {{- $state := index .ServiceMeta "state" }}
  {{- $ours := and (eq (index .ServiceMeta "platform") "lab.example") $core $hosting .Address }}
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
  }
}
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
}
