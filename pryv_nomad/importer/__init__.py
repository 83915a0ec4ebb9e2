"""Reads an existing config-leader folder, the way a platform is run with docker-compose today.

Pure: files in, a cluster file, notes and secrets out. What is a secret never comes near the cluster file.
"""
