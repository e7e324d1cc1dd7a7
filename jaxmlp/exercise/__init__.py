"""`python -m jaxmlp.exercise`: formulas to write by hand, and a referee that names mistakes."""
