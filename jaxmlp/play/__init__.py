"""`python -m jaxmlp.play`: a page to play with, one HTML file with networks that learn in it."""
