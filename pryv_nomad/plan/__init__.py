"""What would change: the specs that are wanted beside what Nomad runs, as an ordered plan. Nothing here does I/O."""
