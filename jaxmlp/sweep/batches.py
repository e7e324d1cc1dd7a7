"""A search as it goes: a batch is asked for, trained and told, and then the next one."""

from collections.abc import Iterator, Sequence

from jaxmlp.sweep.folder import SweepFolder
from jaxmlp.sweep.journal import Journal
from jaxmlp.sweep.plan import Plan
from jaxmlp.sweep.prepare import Prepared, prepare_batch
from jaxmlp.sweep.programs import Program
from jaxmlp.sweep.results import ConfigResult
from jaxmlp.sweep.search import Search
from jaxmlp.sweep.space import REPEATS


class Batches:
    """The batches of a search.

    After a crash nothing is lost and nothing trained twice: `sweep.json` has what was asked for
    before the first run of it is trained, `results.csv` has each run that has ended, and the
    journal gets what it lacks.
    """

    def __init__(self, folder: SweepFolder, prepared: Prepared) -> None:
        """Open the journal.

        Args:
          folder: of the sweep.
          prepared: the runs that were asked for so far; those of later batches are added.

        Raises:
          InputError: if the journal is damaged.
        """
        self._folder, self._prepared, self._journal = folder, prepared, Journal(folder.path)

    def programs(self) -> Iterator[Program]:
        """Yield the programs of one batch after another; each must be trained before the next."""
        recipes, programs, kinds = self._prepared.runs
        while True:
            self.tell()
            yield from programs
            if _search_of(self._folder.plan).complete:
                break
            plan = next_plan(self._folder.plan, self._folder.configs)
            batch = prepare_batch(plan, self._prepared.cache, plan.batches[-1])
            recipes += batch.recipes
            kinds += batch.kinds
            programs = batch.programs
            self._folder.add_batch(plan, kinds)
        self.tell()

    def tell(self) -> None:
        """Bring the journal up to date."""
        search = _search_of(self._folder.plan)
        self._journal.follow(search.frozen(_in_order(self._folder.configs)))


def next_plan(plan: Plan, configs: Sequence[ConfigResult]) -> Plan:
    """Return the plan of a search with one more batch.

    Args:
      plan: what was asked for so far.
      configs: the results of the configurations.
    """
    repeats = [{n: v for n, v in p.items() if n in REPEATS} for p in plan.points[: plan.repeats]]
    search, new = _search_of(plan).ask(_in_order(configs), plan.base.seed)
    points = [config | repeat for config in new for repeat in repeats]
    return plan._replace(points=[*plan.points, *points], search=search)


def _in_order(configs: Sequence[ConfigResult]) -> list[ConfigResult]:
    """Return the results in the order in which the configurations were asked for."""
    return sorted(configs, key=lambda config: config.runs[0])


def _search_of(plan: Plan) -> Search:
    assert plan.search is not None
    return plan.search
