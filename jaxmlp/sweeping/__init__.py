"""Many configurations at once: the space they are taken from, their programs, their results."""
