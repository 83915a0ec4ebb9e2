# A core is a pet: one machine with a name, an address and a disk of its own. So it is an instance and not a group of one:
# EC2 restarts it on other hardware with the same disk and address when its own fails, and nothing ever terminates it to
# make another in its place.
module "machine" {
  source   = "../nomad-machine"
  for_each = local.machines

  name           = each.key
  region         = var.nomad_region
  datacenter     = each.value.datacenter
  core           = each.value.core
  roles          = each.value.roles
  node_class     = each.value.node_class
  public_ip      = aws_eip.machine[each.key].public_ip
  private_cidr   = var.vpc_cidr
  retry_join     = local.retry_join
  disk           = contains(keys(local.disks), each.key) ? "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_${replace(aws_ebs_volume.data[each.key].id, "-", "")}" : null
  nomad_version  = var.nomad_version
  consul_version = var.consul_version
  nomad_acl      = var.nomad_acl
  nomad_config   = try(var.client_config.nomad, {})
  consul_config  = try(var.client_config.consul, {})
  secrets        = { for key, name in var.client_secrets : key => name == null ? null : "ssm:${name}" }
}

resource "aws_eip" "machine" {
  for_each = local.machines

  domain = "vpc"
  tags   = merge(local.tags, { Name = "${var.name}-${each.key}" })
}

resource "aws_ebs_volume" "data" {
  for_each = local.disks

  availability_zone = each.value.zone
  size              = each.value.disk_gb
  type              = var.disk_type
  iops              = var.disk_iops
  encrypted         = true
  kms_key_id        = var.kms_key_id
  final_snapshot    = var.final_snapshot
  tags              = merge(local.tags, { Name = "${var.name}-${each.key}-data", PryvMachine = each.key })
}

resource "aws_instance" "machine" {
  for_each = local.machines

  ami                     = data.aws_ami.image.id
  instance_type           = each.value.instance_type
  subnet_id               = aws_subnet.public[each.value.zone].id
  key_name                = var.key_name
  iam_instance_profile    = aws_iam_instance_profile.this["machines"].name
  disable_api_termination = var.termination_protection
  user_data_base64        = base64gzip(module.machine[each.key].cloud_init)
  vpc_security_group_ids  = [for group in local.groups_of[each.key] : aws_security_group.this[group].id]

  metadata_options {
    http_endpoint               = "enabled"
    http_tokens                 = "required"
    http_put_response_hop_limit = 1
  }

  maintenance_options {
    auto_recovery = "default"
  }

  root_block_device {
    volume_size = 30
    volume_type = "gp3"
    encrypted   = true
    kms_key_id  = var.kms_key_id
  }

  tags        = merge(local.tags, { Name = "${var.name}-${each.key}", PryvMachine = each.key })
  volume_tags = null

  lifecycle {
    # A newer image must not replace a core, nor a changed set-up stop it: `-replace` does, when an operator says so.
    ignore_changes = [ami, user_data_base64]

    precondition {
      condition     = contains(var.availability_zones, each.value.zone)
      error_message = "${each.key}: ${each.value.zone} is not among availability_zones."
    }
  }

  depends_on = [aws_route.out, aws_vpc_security_group_egress_rule.out, aws_iam_role_policy.this]
}

resource "aws_volume_attachment" "data" {
  for_each = local.disks

  device_name                    = "/dev/sdf"
  volume_id                      = aws_ebs_volume.data[each.key].id
  instance_id                    = aws_instance.machine[each.key].id
  stop_instance_before_detaching = true
}

resource "aws_eip_association" "machine" {
  for_each = local.machines

  allocation_id = aws_eip.machine[each.key].id
  instance_id   = aws_instance.machine[each.key].id
}
