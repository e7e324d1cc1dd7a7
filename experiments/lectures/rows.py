"""All rows of the lectures, in their order, and the decks they belong to."""

from experiments.lectures import deck_a, deck_b, deck_c, deck_d, deck_e
from experiments.lectures.contents import TITLES
from experiments.lectures.records import Deck, Row
from jaxmlp.explain.rows import DECKS as SOURCES

DECKS: dict[str, Deck] = {
    letter: Deck(letter, SOURCES[letter], TITLES[letter], rows)
    for letter, rows in {
        "A": deck_a.ROWS,
        "B": deck_b.ROWS,
        "C": deck_c.ROWS,
        "D": deck_d.ROWS,
        "E": deck_e.ROWS,
    }.items()
}
ROWS: dict[str, Row] = {row.id: row for deck in DECKS.values() for row in deck.rows}
