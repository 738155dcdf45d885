"""Every data set that `recsys data fetch` knows."""

from __future__ import annotations

from recsys.datasets.fetch import DataSet
from recsys.datasets.instacart import INSTACART_SAMPLE
from recsys.datasets.movielens import MOVIELENS_100K
from recsys.datasets.openbandit import OPEN_BANDIT
from recsys.errors import DataSetError

DATA_SETS = {data_set.name: data_set for data_set in (MOVIELENS_100K, INSTACART_SAMPLE, OPEN_BANDIT)}


def find(name: str) -> DataSet:
    """Return one data set by name; DataSetError lists the names there are."""
    if name not in DATA_SETS:
        msg = f"There is no data set {name!r}. There are: {', '.join(DATA_SETS)}."
        raise DataSetError(msg)
    return DATA_SETS[name]
