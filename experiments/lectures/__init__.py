"""The lectures' rows and errata, and the index that leads from a slide to all that answers it.

`rows` has every row, `errata` every slip, `cases` computes the numbers of each slip. `sources`
reads where the code and the tests stand and what they cite; `index` writes
`experiments/LECTURES.md`.
"""
