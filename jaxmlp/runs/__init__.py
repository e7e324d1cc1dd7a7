"""A run on disk, and the network in it."""
