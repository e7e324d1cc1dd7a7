"""The numbers of the errata: what the slide's form gives in each case, and what is right.

`CASES[9]` has a function for each slip of erratum 9. It returns the slide's value and the right
one, as numbers or in words where the slide's form has no value. The right value comes from the
library where the library computes it; the slide's form is written out.
"""

from experiments.lectures import cases_ab, cases_cde
from experiments.lectures.records import Case

CASES: dict[int, tuple[Case, ...]] = cases_ab.CASES | cases_cde.CASES
