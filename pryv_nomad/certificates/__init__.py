"""Renewal of the wildcard certificate over ACME DNS-01 (RFC 8555), through the platform's own name servers."""
