output "files" {
  description = "The machine's files by path: mode and content. There is no secret in them."
  value       = local.files
}

output "cloud_init" {
  description = "The files as cloud-init, which also starts the set-up."
  value = "#cloud-config\n${yamlencode({
    write_files = [for path in sort(keys(local.files)) : {
      path        = path
      permissions = local.files[path].mode
      owner       = "root:root"
      encoding    = "b64"
      content     = base64encode(local.files[path].content)
    }]
    runcmd = [
      ["systemctl", "daemon-reload"],
      ["systemctl", "enable", "--now", "--no-block", "pryv-machine.service"],
    ]
  })}"
}

output "script" {
  description = "The files as a shell script for root, which also runs the set-up."
  value = join("\n", concat(
    ["#!/usr/bin/env bash", "set -euo pipefail"],
    [for path in sort(keys(local.files)) :
      "install -D -m ${local.files[path].mode} <(printf %s ${base64encode(local.files[path].content)} | base64 -d) ${path}"
    ],
    ["systemctl daemon-reload", "systemctl enable pryv-machine.service", "exec /usr/local/sbin/pryv-machine", ""],
  ))
}
