# Servers are alike, and keep nothing that the others do not have: a group replaces one that is lost. A change of their
# template does not: it reaches a server when it is replaced, which an operator does one by one (docs/ec2.md).
module "server" {
  source = "../nomad-machine"

  servers        = var.servers
  region         = var.nomad_region
  datacenter     = local.registry_dc
  private_cidr   = var.vpc_cidr
  retry_join     = local.retry_join
  open_api       = true
  nomad_version  = var.nomad_version
  consul_version = var.consul_version
  nomad_acl      = var.nomad_acl
  nomad_config   = try(var.server_config.nomad, {})
  consul_config  = try(var.server_config.consul, {})
  secrets        = { for key, name in var.server_secrets : key => name == null ? null : "ssm:${name}" }
}

resource "aws_launch_template" "server" {
  name_prefix            = "${var.name}-server-"
  image_id               = data.aws_ami.image.id
  instance_type          = var.server_instance_type
  key_name               = var.key_name
  user_data              = base64gzip(module.server.cloud_init)
  update_default_version = true
  vpc_security_group_ids = [aws_security_group.this["servers"].id]
  tags                   = local.tags

  iam_instance_profile {
    name = aws_iam_instance_profile.this["servers"].name
  }

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  block_device_mappings {
    device_name = data.aws_ami.image.root_device_name

    ebs {
      volume_size           = 20
      volume_type           = "gp3"
      encrypted             = true
      kms_key_id            = var.kms_key_id
      delete_on_termination = true
    }
  }

  dynamic "tag_specifications" {
    for_each = ["instance", "volume"]

    content {
      resource_type = tag_specifications.value
      tags          = merge(local.tags, { Name = "${var.name}-server", PryvServer = var.name })
    }
  }
}

resource "aws_autoscaling_group" "servers" {
  name_prefix               = "${var.name}-servers-"
  min_size                  = var.servers
  max_size                  = var.servers
  desired_capacity          = var.servers
  vpc_zone_identifier       = [for zone in var.availability_zones : aws_subnet.private[zone].id]
  health_check_type         = "EC2"
  health_check_grace_period = 600
  wait_for_capacity_timeout = "10m"

  launch_template {
    id      = aws_launch_template.server.id
    version = "$Latest"
  }

  tag {
    key                 = "Name"
    value               = "${var.name}-server"
    propagate_at_launch = true
  }

  depends_on = [aws_route.nat, aws_vpc_security_group_egress_rule.out, aws_iam_role_policy.this]
}
