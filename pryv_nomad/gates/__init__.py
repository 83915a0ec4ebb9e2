"""The gates of a rollout: one file a source, a pure state machine that counts, and `asking` that ties them together."""
