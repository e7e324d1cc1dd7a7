"""How well our defaults learn tables, beside other methods: `python -m experiments.bench.quality`.

`sources` lists the tables, `methods` the ways to learn them, `scores` counts and compares. Choices
of our defaults are made on one list of tables and reported on another one.
"""
