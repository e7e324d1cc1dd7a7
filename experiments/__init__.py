"""The lectures put to the test: one module per claim, run by `python -m experiments`.

Each module of `claims` has the same four parts: a docstring that states the claim, an `ABOUT` with
its formula, its source and the verdict that is on record, a pure function
`run(settings) -> numbers`, and `plot(numbers)` and `verdict(numbers)`. What they share stands
beside `claims`.
"""
