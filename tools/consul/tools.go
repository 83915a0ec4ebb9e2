//go:build tools

// Package tools holds the pinned Consul in go.mod; nothing of it is compiled into pryv-nomad.
package tools

import _ "github.com/hashicorp/consul"
