"""`python -m jaxmlp.explain`: every number of a forward and backward pass beside its formula."""
