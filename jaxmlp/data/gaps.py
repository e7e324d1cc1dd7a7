"""The texts that stand in a cell of a table that holds nothing, in small letters."""

UNWRITTEN = ("", "?", "na", "n/a", "#n/a", "nan", "null")
MARKERS = (  # the others may also be classes
    *UNWRITTEN,
    *("none", "nil", "-", "--", ".", "missing", "<na>"),
)
WORDS = ("none", "nil", "missing")  # of these, what may also be the name of a column
_KNOWN = frozenset(MARKERS)


def is_gap(cell: str) -> bool:
    """Return whether a cell, without blanks around it, holds nothing."""
    return cell.lower() in _KNOWN
