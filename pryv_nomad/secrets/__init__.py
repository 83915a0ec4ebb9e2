"""Keys, passwords and certificates: made here, kept in Nomad Variables, shown nowhere else."""
