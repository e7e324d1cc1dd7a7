"""The claims of the lectures: one module for each, named after the claim."""
