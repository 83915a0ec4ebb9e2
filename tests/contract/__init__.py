"""One suite of assertions over the APIs that pryv-nomad uses, for the simulator and for the real programs.

A difference between the two is a bug in the simulator.
"""
