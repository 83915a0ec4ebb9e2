"""redis.conf, of the registry's redis and of its replica (config-template-pryv.io, reg-master/redis/conf)."""

from __future__ import annotations

from pryv_nomad.model.cluster import Cluster
from pryv_nomad.settings.document import ConfigFile, Endpoint, Part
from pryv_nomad.settings.serialize import text_parts

_DIRECTIVES = (
    # Where it listens: inside its container, without a password; the job keeps it on the private network.
    ("protected-mode", "no"),
    ("port", "6379"),
    ("tcp-backlog", "511"),
    ("timeout", "300"),
    ("tcp-keepalive", "300"),
    # How it runs. The empty log file is the standard output.
    ("daemonize", "no"),
    ("supervised", "no"),
    ("loglevel", "notice"),
    ("logfile", '""'),
    ("databases", "16"),
    ("always-show-logo", "no"),
    # Snapshots.
    ("save", "900 1"),
    ("save", "300 10"),
    ("save", "60 10000"),
    ("stop-writes-on-bgsave-error", "yes"),
    ("rdbcompression", "yes"),
    ("rdbchecksum", "yes"),
    ("dbfilename", "redis_dump.rdb"),
    ("dir", "/app/data"),
    # Replication.
    ("replica-serve-stale-data", "yes"),
    ("replica-read-only", "yes"),
    ("repl-diskless-sync", "no"),
    ("repl-diskless-sync-delay", "5"),
    ("repl-disable-tcp-nodelay", "no"),
    ("replica-priority", "100"),
    # Freeing memory.
    ("lazyfree-lazy-eviction", "no"),
    ("lazyfree-lazy-expire", "no"),
    ("lazyfree-lazy-server-del", "no"),
    ("replica-lazy-flush", "no"),
    # The append-only file: users' names are lost for one second at most.
    ("appendonly", "yes"),
    ("appendfilename", '"appendonly.aof"'),
    ("appendfsync", "everysec"),
    ("no-appendfsync-on-rewrite", "no"),
    ("auto-aof-rewrite-percentage", "100"),
    ("auto-aof-rewrite-min-size", "64mb"),
    ("aof-load-truncated", "yes"),
    ("aof-use-rdb-preamble", "yes"),
    ("aof-rewrite-incremental-fsync", "yes"),
    ("rdb-save-incremental-fsync", "yes"),
    # Limits.
    ("lua-time-limit", "5000"),
    ("slowlog-log-slower-than", "10000"),
    ("slowlog-max-len", "128"),
    ("latency-monitor-threshold", "0"),
    ("notify-keyspace-events", '""'),
    ("hash-max-ziplist-entries", "512"),
    ("hash-max-ziplist-value", "64"),
    ("list-max-ziplist-size", "-2"),
    ("list-compress-depth", "0"),
    ("set-max-intset-entries", "512"),
    ("zset-max-ziplist-entries", "128"),
    ("zset-max-ziplist-value", "64"),
    ("hll-sparse-max-bytes", "3000"),
    ("stream-node-max-bytes", "4096"),
    ("stream-node-max-entries", "100"),
    ("activerehashing", "no"),
    ("client-output-buffer-limit", "normal 0 0 0"),
    ("client-output-buffer-limit", "replica 256mb 64mb 60"),
    ("client-output-buffer-limit", "pubsub 32mb 8mb 60"),
    ("hz", "10"),
    ("dynamic-hz", "yes"),
)


def files(cluster: Cluster, *, replica: bool) -> tuple[ConfigFile, ...]:
    """redis's file."""
    directives = "".join(f"{name} {value}\n" for name, value in _DIRECTIVES)
    return (ConfigFile("redis.conf", text_parts([directives, *(_replicaof(cluster) if replica else ())])),)


def _replicaof(cluster: Cluster) -> tuple[Part, ...]:
    """The registry's redis: at the secure line's address where there is one, else where Consul says it listens."""
    line = cluster.file.registry.private_ip
    host: Part = line or Endpoint("redis", "redis", "host")
    return ("replicaof ", host, " ", Endpoint("redis", "redis", "port"), "\n")
