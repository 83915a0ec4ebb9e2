# A machine may find the others by their tag, and read the parameters that its kind needs: no more. Disks and addresses
# are attached by Terraform, so that no machine has the right to attach one.
locals {
  parameters = {
    servers  = sort(distinct([for name in values(var.server_secrets) : name if name != null]))
    machines = sort(distinct([for name in values(var.client_secrets) : name if name != null]))
  }

  statements = {
    for kind, names in local.parameters : kind => concat(
      # DescribeInstances takes no resource in a policy.
      [{ Sid = "Join", Effect = "Allow", Action = ["ec2:DescribeInstances"], Resource = ["*"] }],
      length(names) == 0 ? [] : [{
        Sid    = "ReadOwnSecrets"
        Effect = "Allow"
        Action = ["ssm:GetParameter"]
        Resource = [
          for name in names :
          "arn:${data.aws_partition.this.partition}:ssm:${data.aws_region.this.name}:${data.aws_caller_identity.this.account_id}:parameter${name}"
        ]
      }],
      length(names) == 0 || var.secrets_kms_key_arn == null ? [] : [{
        Sid      = "DecryptOwnSecrets"
        Effect   = "Allow"
        Action   = ["kms:Decrypt"]
        Resource = [var.secrets_kms_key_arn]
      }],
    )
  }
}

data "aws_partition" "this" {}
data "aws_region" "this" {}
data "aws_caller_identity" "this" {}

resource "aws_iam_role" "this" {
  for_each = local.parameters

  name_prefix = "${var.name}-${each.key}-"
  description = "${title(each.key)} of ${var.name}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ec2.amazonaws.com" }
    }]
  })
  tags = local.tags
}

resource "aws_iam_role_policy" "this" {
  for_each = local.parameters

  name   = "own"
  role   = aws_iam_role.this[each.key].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.statements[each.key] })
}

resource "aws_iam_instance_profile" "this" {
  for_each = local.parameters

  name_prefix = "${var.name}-${each.key}-"
  role        = aws_iam_role.this[each.key].name
  tags        = local.tags
}
