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

  group "edge" {
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
      port "nginx_http" {
        to     = 80
        static = 80
      }
      port "nginx_https" {
        to     = 443
        static = 443
      }
    }

    service {
      name = "pryv-edge"
      port = "nginx_https"
      tags = ["static"]

      check {
        name     = "nginx_https"
        type     = "tcp"
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "nginx" {
      driver = "docker"

      config {
        image      = "pryvio/nginx:1.9.0"
        force_pull = false
        init       = true
        ports      = ["nginx_http", "nginx_https"]

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
        destination = "secrets/conf/nginx.conf"
        perms       = "0444"
        change_mode = "noop"
        data        = <<EOT
user nginx;
worker_processes 2;
worker_rlimit_nofile 65536;
error_log stderr;
pid /var/run/nginx.pid;

events {
    worker_connections 16384;
}

http {
    # Tokens in a query are not for the log.
    map $request $request_without_auth {
        default $request;
        "~^(?<auth_head>.*[?&]auth=)[^& ]+(?<auth_tail>.*)$" "$auth_head***$auth_tail";
    }
    map $request_without_auth $logged_request {
        default $request_without_auth;
        "~^(?<read_head>.*[?&]readToken=)[^& ]+(?<read_tail>.*)$" "$read_head***$read_tail";
    }
    log_format pryv '[$time_local] $remote_addr "$host" "$logged_request" $status $body_bytes_sent '
                    '"$http_referer" "$http_user_agent" $request_time $upstream_addr $upstream_response_time';
    access_log /dev/stdout pryv;

    sendfile on;
    tcp_nodelay on;
    keepalive_timeout 65;
    server_tokens off;
    # Room for a domain of any length.
    server_names_hash_bucket_size 512;

    gzip on;
    gzip_vary on;
    gzip_comp_level 6;
    gzip_proxied any;
    gzip_buffers 16 8k;
    gzip_types text/plain text/css text/xml text/javascript text/x-js application/json application/javascript
               application/x-javascript application/xml application/xml+rss;
    client_max_body_size 20m;

    ssl_certificate "/app/conf/secret/pryv.example-bundle.crt";
    ssl_certificate_key "/app/conf/secret/pryv.example-key.pem";
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:SSL:10m;
    ssl_session_timeout 10m;
    ssl_session_tickets off;
    add_header Strict-Transport-Security "max-age=31536000; includeSubDomains" always;

    # For all that is behind: who asked, and for which host (the user's name is in it).
    map $http_upgrade $connection_upgrade {
        default upgrade;
        "" close;
    }
    proxy_http_version 1.1;
    proxy_set_header Host $http_host;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $connection_upgrade;
    proxy_set_header X-Real-IP $remote_addr;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto https;
    proxy_redirect off;
    proxy_buffering off;
    proxy_buffers 16 8k;
    proxy_connect_timeout 5s;
    # Another process is tried when one is not there, not when it is slow.
    proxy_next_upstream error;
    proxy_next_upstream_tries 3;

    include /app/conf/site*.conf;
}
EOT
      }

      template {
        destination = "secrets/conf/site-80.conf"
        perms       = "0444"
        change_mode = "noop"
        data        = <<EOT
server {
    listen 80 default_server;
    server_name _;
    return 301 https://$host$request_uri;
}
EOT
      }

      template {
        destination = "secrets/conf/site-443.conf"
        perms       = "0444"
        change_mode = "noop"
        data        = <<EOT
server {
    listen 443 ssl default_server;
    server_name _;
    return 421;
}

server {
    listen 443 ssl;
    server_name sw.pryv.example;

    location /access/static/ {
        proxy_pass "http://app_web_auth3_server/access/static/";
    }

    location = /access/index.html {
        proxy_pass "http://app_web_auth3_server/access/index.html";
    }

    location / {
        rewrite ^ /access/index.html last;
    }
}

server {
    listen 443 ssl;
    server_name mfa.pryv.example;

    location / {
        proxy_set_header Host $proxy_host;
        proxy_set_header Authorization "";
        proxy_set_header Cookie "";
        proxy_ssl_server_name on;
        proxy_pass https://pryv.github.io/app-web-mfa/;
    }
}
EOT
      }

      template {
        destination   = "secrets/conf/site-upstreams.conf"
        perms         = "0444"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        splay         = "0s"
        data          = <<EOT
# What stands behind the sites.

upstream app_web_auth3_server {
    {{ $live := service "static.pryv-app-web-auth3" }}{{ if not $live }}{{ $live = service "static.pryv-app-web-auth3|any" }}{{ end }}
{{- range $n, $_ := $live }}{{ if $n }}
    {{ end }}server {{ .Address }}:{{ .Port }};{{ else }}server 127.0.0.1:9 down;{{ end }}
}
EOT

        wait {
          min = "2s"
          max = "10s"
        }
      }

      template {
        destination   = "secrets/conf/secret/pryv.example-bundle.crt"
        perms         = "0400"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        # A secret that is not there stops the task here, instead of an empty key.
        error_on_missing_key = true
        splay                = "60s"
        data                 = <<EOT
{{ with nomadVar "nomad/jobs" }}{{ .TLS_CERTIFICATE.Value }}{{ end }}
EOT

        wait {
          min = "5s"
          max = "30s"
        }
      }

      template {
        destination   = "secrets/conf/secret/pryv.example-key.pem"
        perms         = "0400"
        change_mode   = "signal"
        change_signal = "SIGHUP"
        # A secret that is not there stops the task here, instead of an empty key.
        error_on_missing_key = true
        splay                = "60s"
        data                 = <<EOT
{{ with nomadVar "nomad/jobs" }}{{ .TLS_KEY.Value }}{{ end }}
EOT

        wait {
          min = "5s"
          max = "30s"
        }
      }

      resources {
        cpu    = 200
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
