"""All exercises by name, in the order of the lessons."""

from jaxmlp.exercise import (
    deck_a,
    deck_b,
    deck_b_activations,
    deck_c,
    deck_c_appendix,
    deck_d,
    deck_d_rates,
    deck_e,
    deck_e_network,
)
from jaxmlp.exercise.form import Exercise

DECKS = (
    *(deck_a, deck_b, deck_b_activations, deck_c, deck_c_appendix),
    *(deck_d, deck_d_rates, deck_e, deck_e_network),
)


def place(row: str) -> tuple[str, int]:
    """Return what rows are sorted by: the deck, and the number in it."""
    return row[0], int(row[1:])


_all = [exercise for deck in DECKS for exercise in deck.EXERCISES]

EXERCISES: dict[str, Exercise] = {
    exercise.name: exercise for exercise in sorted(_all, key=lambda exercise: place(exercise.row))
}
"""An exercise needs nothing that a later one teaches."""
