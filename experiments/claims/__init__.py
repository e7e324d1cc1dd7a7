"""The claims of the lectures, one module each, named after what it says."""
