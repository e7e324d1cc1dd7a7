"""All exercises and questions by name, in the order of the lessons."""

from jaxmlp.exercise import (
    deck_a,
    deck_b,
    deck_b_activations,
    deck_b_questions,
    deck_c,
    deck_c_appendix,
    deck_c_questions,
    deck_d,
    deck_d_rates,
    deck_de_questions,
    deck_e,
    deck_e_network,
)
from jaxmlp.exercise.form import Exercise
from jaxmlp.exercise.question import Question

DECKS = (
    *(deck_a, deck_b, deck_b_activations, deck_c, deck_c_appendix),
    *(deck_d, deck_d_rates, deck_e, deck_e_network),
)
ASKED = (deck_b_questions, deck_c_questions, deck_de_questions)


def place(row: str) -> tuple[str, int]:
    """Return what rows are sorted by: the deck, and the number in it."""
    return row[0], int(row[1:])


_all = [
    *(exercise for deck in DECKS for exercise in deck.EXERCISES),
    *(question for deck in ASKED for question in deck.QUESTIONS),
]

TASKS: dict[str, Exercise | Question] = {
    task.name: task for task in sorted(_all, key=lambda task: place(task.row))
}
"""What the command lists. A task needs nothing that a later one teaches."""

EXERCISES = {name: task for name, task in TASKS.items() if isinstance(task, Exercise)}
QUESTIONS = {name: task for name, task in TASKS.items() if isinstance(task, Question)}
