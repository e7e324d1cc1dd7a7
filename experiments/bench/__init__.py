"""Speed side by side: jaxmlp and the libraries a user might take instead, in one run.

`python -m experiments.bench` runs sections, each a question about time or memory. Every library
works in a process of its own; rounds are interleaved (one turn of each library, then the next
round), and what is reported is the median over rounds of the ratio within a round, with the spread.
"""
