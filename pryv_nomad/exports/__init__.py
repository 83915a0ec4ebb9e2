"""The platform for docker compose, Docker Swarm and Kubernetes. Reads the model and the settings only."""
