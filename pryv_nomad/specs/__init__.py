"""Job specs: templates rendered to HCL and to the JSON of Nomad's API; deterministic, offline, without a clock."""
