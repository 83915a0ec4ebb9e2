terraform {
  required_version = ">= 1.6"

  required_providers {
    external = {
      source = "hashicorp/external"
    }
    nomad = {
      source  = "hashicorp/nomad"
      version = "~> 2.4"
    }
  }
}
