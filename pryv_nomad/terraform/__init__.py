"""What Terraform hands over and takes back: queries and answers of the external data source, machines out of outputs.

Text in, text out; nothing here talks to a cluster or to Terraform itself. The modules that use it are in `terraform/`.
"""
