"""Configuration files of the components, as pure text with named holes; knows nothing of Nomad."""
