"""Keeps the cores registered in Consul, where the registry finds them. Nothing here ever takes one out."""
