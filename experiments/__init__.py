"""Experiments on the claims of the lectures: a module for each, run by `python -m experiments`.

Each module of `claims` has the same four parts: a docstring that states the claim; an `ABOUT` with
its formula, its source and the verdict on record; a pure function `run(settings) -> numbers`; and
`plot(numbers)` and `verdict(numbers)`. The modules beside `claims` are shared by all of them.
"""
