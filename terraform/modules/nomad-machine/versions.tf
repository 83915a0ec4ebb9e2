# No provider and no resource: from a machine's facts to its files.
terraform {
  required_version = ">= 1.9"
}
