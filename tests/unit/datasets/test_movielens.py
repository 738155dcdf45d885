"""MovieLens' files become rows to import; the lines here are made up in its form."""

from recsys.datasets.movielens import films, ratings

ITEM = """item_id:token\tmovie_title:token_seq\trelease_year:token\tclass:token_seq
1\tToy Train\t1995\tAnimation Children's
2\tQuiet House, The (Casa quieta, La)\t1951\tFilm-Noir
3\tunkonwn\tunkonwn\tunknown
4\tSecond Part, The (1995)\tV\tDrama
5\tParis, Texas\t1984\tDrama
6\tEnfer, L'\t1994\tDrama
"""


def test_every_rating_is_an_interaction_in_file_order() -> None:
    """Low ratings count too, and lines of one second stay in the order of the file."""
    inter = b"user_id:token\titem_id:token\trating:float\ttimestamp:float\n9\t2\t1\t880000000\n7\t1\t5\t880000000\n"
    assert list(ratings(inter)) == [
        {"user_id": "9", "item_id": "2", "event_type": "rating", "occurred_at": 880_000_000, "value": 1.0},
        {"user_id": "7", "item_id": "1", "event_type": "rating", "occurred_at": 880_000_000, "value": 5.0},
    ]


def test_tags_are_genre_year_and_decade() -> None:
    """A film's tags have prefixes; what is unknown makes no tag."""
    known = films(ITEM.encode())
    assert known[0].tags == ["genre:Animation", "genre:Children's", "year:1995", "decade:1990s"]
    assert known[2].tags == []


def test_titles_are_as_people_say_them() -> None:
    """An article at the end goes to the front, a name with a comma keeps it, and the year stands behind."""
    assert [film.title for film in films(ITEM.encode())] == [
        "Toy Train (1995)",
        "The Quiet House (Casa quieta, La) (1951)",
        "unkonwn",
        "The Second Part (1995)",
        "Paris, Texas (1984)",
        "L'Enfer (1994)",
    ]
