"""Time and memory of jaxmlp beside those of other libraries, measured in one run.

`python -m experiments.bench` runs sections; each answers a question about time or memory. Every
library works in a process of its own. Rounds are interleaved: each library takes one turn, then the
next round begins. The tables report the median over rounds of the ratio within a round, with its
lowest and highest value.
"""
