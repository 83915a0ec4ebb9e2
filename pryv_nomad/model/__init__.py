"""The cluster model: what one `cluster.yml` says about a platform. Knows nothing of Nomad's API."""
