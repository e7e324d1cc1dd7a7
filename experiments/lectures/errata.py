"""All errata of the lectures, by number."""

from experiments.lectures import errata_a, errata_b, errata_c, errata_d, errata_e
from experiments.lectures.records import Erratum

ERRATA: tuple[Erratum, ...] = tuple(
    sorted(
        (
            *errata_a.ERRATA,
            *errata_b.ERRATA,
            *errata_c.ERRATA,
            *errata_d.ERRATA,
            *errata_e.ERRATA,
        ),
        key=lambda erratum: erratum.number,
    )
)
