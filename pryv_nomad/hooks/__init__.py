"""What is called around a rollout (hooks), and who is told of it (notifications)."""
