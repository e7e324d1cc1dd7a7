"""What went on inside a run: pictures, and a verdict in words with what to try."""
