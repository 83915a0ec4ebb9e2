"""A rollout played through in virtual time: the engine's own decisions, against what the simulator says of one core of
each kind."""
