"""Bandit logs become exposures and outcomes; the lines here are made up in the source's form."""

from recsys.datasets.openbandit import clicks, impressions, items

HEAD = "timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,user_feature_2,user_feature_3"
LOG = f""",{HEAD}
0,2019-11-24 00:00:34.762830+00:00,14,3,0,0.0125,a,b,c,d
1,2019-11-24 00:00:53.965051+00:00,7,1,1,0.25,a,b,c,e
""".encode()


def test_an_impression_is_an_exposure_of_one_item_with_its_propensity() -> None:
    """Position and propensity are the source's, and the time has an offset."""
    first, second = impressions(LOG, "random", "men")
    assert first["request_id"] == "random-men-0"
    assert first["ts"] == "2019-11-24T00:00:34.762830+00:00"
    assert first["items"] == [{"item_id": "14", "rank": 3, "propensity": 0.0125}]
    assert (first["context"]["surface"], first["context"]["algo_version"]) == ("men", "random")
    assert first["user_id"] != second["user_id"]


def test_a_click_names_its_exposure() -> None:
    """Only what was clicked is an outcome, and it joins on request and item."""
    [click] = clicks(LOG, "bts", "all")
    shown = list(impressions(LOG, "bts", "all"))[1]
    assert click["event_type"] == "click"
    assert (click["request_id"], click["user_id"], click["ts"]) == (
        shown["request_id"],
        shown["user_id"],
        shown["ts"],
    )
    assert click["item_id"] == shown["items"][0]["item_id"]


def test_an_items_categories_are_tags() -> None:
    """Each of the three hashed categories is a tag with a prefix of its own."""
    context = (
        b",item_id,item_feature_0,item_feature_1,item_feature_2,item_feature_3\n0,5,-0.4,aaaaaaaaaa,bbbbbbbbbb,cc\n"
    )
    assert list(items(context)) == [
        {"item_id": "5", "tags": ["category1:aaaaaaaa", "category2:bbbbbbbb", "category3:cc"]}
    ]
