"""Carrying a plan out: observe, decide, act, save. `decide` is pure; only observing and acting touch the cluster."""
