"""`python -m jaxmlp.sweep`: many configurations, their space, programs and results."""
