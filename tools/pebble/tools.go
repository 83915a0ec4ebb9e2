//go:build tools

// Package tools holds the pinned Pebble in go.mod; nothing of it is compiled into pryv-nomad.
package tools

import _ "github.com/letsencrypt/pebble/v2/cmd/pebble"
