"""Answer over HTTP with a trained network."""
