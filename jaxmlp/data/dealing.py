"""Deal the rows of data that are larger than memory out to parts, by a hash of each row's number.

Which part a row is in depends on the seed, its class and its number among the rows of its class, so
it is the same however the rows are read. Every class keeps its proportion exactly: the rows of a
class are cut into as many runs as it holds out, and a hash chooses one row of each run.
"""

from typing import NamedTuple

import numpy as np

TRAIN, VALID, TEST = 0, 1, 2
_ODD = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)


def hashed(numbers: np.ndarray, *seeds: int) -> np.ndarray:
    """Return a 64-bit hash of each number (Steele, Lea and Flood 2014: SplitMix).

    Args:
      numbers: whole numbers >= 0, of any shape.
      *seeds: whole numbers >= 0.

    Returns:
      `uint64`, of the same shape.
    """
    found = numbers.astype(np.uint64)
    with np.errstate(over="ignore"):  # products are meant modulo 2^64
        for seed in (0, *seeds):
            found = found ^ np.uint64((int(seed) + 1) * _ODD[0] % 2**64)
            for shift, odd in ((30, _ODD[1]), (27, _ODD[2])):
                found = (found ^ (found >> np.uint64(shift))) * np.uint64(odd)
            found = found ^ (found >> np.uint64(31))
    return found


def chosen_before(ranks: np.ndarray, total: int, size: int, *seeds: int) -> np.ndarray:
    """Return how many of `size` rows, chosen evenly among `total`, come before each of some rows.

    Run j of `size` runs holds the rows from `ceil(j total / size)` up to the next run's first. A
    hash of j chooses one of them. So a row itself is chosen if one more comes before the next row.

    Args:
      ranks: the numbers of the rows, from 0 to `total`.
      total: the number of all rows.
      size: the number of rows that are chosen, from 0 to `total`.
      *seeds: of the hash.

    Returns:
      int64, in the shape of `ranks`.
    """
    ranks = np.asarray(ranks, np.int64)
    if size == 0:
        return np.zeros_like(ranks)
    run = np.minimum(ranks * size // total, size - 1)
    first, behind = -(-run * total // size), -(-(run + 1) * total // size)
    place = first + (hashed(run, *seeds) % (behind - first).astype(np.uint64)).astype(np.int64)
    return run + (place < ranks)


def are_chosen(ranks: np.ndarray, total: int, size: int, *seeds: int) -> np.ndarray:
    """Return which of some rows are among `size` chosen ones; see `chosen_before`.

    Args:
      ranks: the numbers of the rows, from 0 to `total - 1`.
      total: the number of all rows.
      size: the number of rows that are chosen.
      *seeds: of the hash.

    Returns:
      bool, in the shape of `ranks`.
    """
    ranks = np.asarray(ranks, np.int64)
    before = chosen_before(ranks, total, size, *seeds)
    return chosen_before(ranks + 1, total, size, *seeds) > before


def ranks_of(codes: np.ndarray, before: np.ndarray) -> np.ndarray:
    """Return the number of each row among the rows of its class.

    Args:
      codes: the class of each row, `(n,)`.
      before: how many rows of each class came before, `(classes,)`.

    Returns:
      int64 `(n,)`.
    """
    counts = np.bincount(codes, minlength=len(before))
    order = np.argsort(codes, kind="stable")
    ranks = np.empty(len(codes), np.int64)
    ranks[order] = np.arange(len(codes)) + np.repeat(before - np.cumsum(counts) + counts, counts)
    return ranks


class Deal(NamedTuple):
    """How the rows are dealt out to the training, the validation and the test part.

    Attributes:
      totals: the number of rows of each class, `(classes,)`; data without classes have one.
      test: the number of test rows of each class.
      valid: the number of validation rows of each class.
      test_seed: the seed of the test part.
      seed: the seed of the validation part.
    """

    totals: np.ndarray
    test: np.ndarray
    valid: np.ndarray
    test_seed: int
    seed: int

    def parts(self, codes: np.ndarray, before: np.ndarray) -> np.ndarray:
        """Return the part of each row.

        Args:
          codes: the class of each row, `(n,)`.
          before: how many rows of each class came before, `(classes,)`.

        Returns:
          `TRAIN`, `VALID` or `TEST`, int8 `(n,)`.
        """
        ranks, found = ranks_of(codes, before), np.zeros(len(codes), np.int8)
        for k in np.unique(codes):
            own = np.flatnonzero(codes == k)
            tested = self._tests_before(ranks[own], k)
            is_test = self._tests_before(ranks[own] + 1, k) > tested
            rest = self.totals[k] - self.test[k]
            others = own[~is_test]
            held = are_chosen(
                ranks[others] - tested[~is_test], rest, self.valid[k], self.seed, k, VALID
            )
            found[own[is_test]], found[others[held]] = TEST, VALID
        return found

    def counts_before(self, before: np.ndarray) -> np.ndarray:
        """Return how many rows of each part come before some rows.

        Args:
          before: how many rows of each class come before, `(..., classes)`.

        Returns:
          int64 `(..., 3)`: of the training, the validation and the test part.
        """
        found = np.zeros((*before.shape[:-1], 3), np.int64)
        for k in range(before.shape[-1]):
            own = before[..., k]
            tested = self._tests_before(own, k)
            rest = self.totals[k] - self.test[k]
            held = chosen_before(own - tested, rest, self.valid[k], self.seed, k, VALID)
            found += np.stack([own - tested - held, held, tested], axis=-1)
        return found

    def _tests_before(self, ranks: np.ndarray, k: int) -> np.ndarray:
        return chosen_before(ranks, self.totals[k], self.test[k], self.test_seed, k, TEST)
