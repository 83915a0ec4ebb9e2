job "pryv-redis" {
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

  group "redis" {
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
      port "redis_redis" {
        to           = 6379
        static       = 6379
        host_network = "private"
      }
    }

    volume "redis_data" {
      type      = "host"
      source    = "pryv-redis-data"
      read_only = false
    }

    service {
      name = "pryv-redis"
      port = "redis_redis"
      tags = ["registry"]

      check {
        name = "redis_redis"
        type = "script"
        # Nomad has no such check of its own: the command runs inside the container.
        task     = "redis"
        command  = "redis-cli"
        args     = ["ping"]
        interval = "10s"
        timeout  = "5s"
      }
    }

    task "redis" {
      driver = "docker"

      config {
        image      = "pryvio/redis:1.9.0"
        force_pull = false
        init       = true
        ports      = ["redis_redis"]

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
        volume      = "redis_data"
        destination = "/app/data"
      }

      template {
        destination = "local/conf/redis.conf"
        perms       = "0444"
        uid         = 9999
        gid         = 9999
        change_mode = "noop"
        data        = <<EOT
protected-mode no
port 6379
tcp-backlog 511
timeout 300
tcp-keepalive 300
daemonize no
supervised no
loglevel notice
logfile ""
databases 16
always-show-logo no
save 900 1
save 300 10
save 60 10000
stop-writes-on-bgsave-error yes
rdbcompression yes
rdbchecksum yes
dbfilename redis_dump.rdb
dir /app/data
replica-serve-stale-data yes
replica-read-only yes
repl-diskless-sync no
repl-diskless-sync-delay 5
repl-disable-tcp-nodelay no
replica-priority 100
lazyfree-lazy-eviction no
lazyfree-lazy-expire no
lazyfree-lazy-server-del no
replica-lazy-flush no
appendonly yes
appendfilename "appendonly.aof"
appendfsync everysec
no-appendfsync-on-rewrite no
auto-aof-rewrite-percentage 100
auto-aof-rewrite-min-size 64mb
aof-load-truncated yes
aof-use-rdb-preamble yes
aof-rewrite-incremental-fsync yes
rdb-save-incremental-fsync yes
lua-time-limit 5000
slowlog-log-slower-than 10000
slowlog-max-len 128
latency-monitor-threshold 0
notify-keyspace-events ""
hash-max-ziplist-entries 512
hash-max-ziplist-value 64
list-max-ziplist-size -2
list-compress-depth 0
set-max-intset-entries 512
zset-max-ziplist-entries 128
zset-max-ziplist-value 64
hll-sparse-max-bytes 3000
stream-node-max-bytes 4096
stream-node-max-entries 100
activerehashing no
client-output-buffer-limit normal 0 0 0
client-output-buffer-limit replica 256mb 64mb 60
client-output-buffer-limit pubsub 32mb 8mb 60
hz 10
dynamic-hz yes
EOT
      }

      resources {
        cpu    = 100
        memory = 256
      }

      logs {
        max_files     = 10
        max_file_size = 10
      }

      kill_timeout = "300s"
    }
  }
}
