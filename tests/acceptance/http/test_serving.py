"""Lists, asked from outside and made of what an operator put in with SQL."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest

if TYPE_CHECKING:
    from conftest import Tenant

Eventually = Callable[..., None]

SEED = """\
insert into tenants (external_id, name) values ('{tenant}', 'A shop');

insert into item_tags (tenant_id, namespace, item_id, tags, price)
select id, 'home', item, tags, price
from tenants, (values
    ('red', array['brand:a', 'category:x'], 10.5), ('green', array['brand:a'], null), ('blue', array['brand:b'], 3)
) as given (item, tags, price)
where external_id = '{tenant}'
on conflict (tenant_id, namespace, item_id) do update set tags = excluded.tags, price = excluded.price;

insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)
select id, 'home', item, current_date, score
from tenants, (values ('red', 2), ('green', 9), ('blue', 5)) as given (item, score)
where external_id = '{tenant}'
on conflict (tenant_id, namespace, item_id, day) do update set score = excluded.score;

insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)
select id, 'home', item, neighbor, current_date, score
from tenants, (values ('blue', 'red', 40), ('red', 'blue', 40), ('green', 'red', 1)) as given (item, neighbor, score)
where external_id = '{tenant}'
on conflict (tenant_id, namespace, item_id, neighbor_id, day) do update set score = excluded.score;
"""


def ids(answer: httpx.Response) -> list[str]:
    """Return the items of a list in their order."""
    assert answer.status_code == 200, answer.text
    return [item["item_id"] for item in answer.json()["items"]]


def codes(answer: httpx.Response) -> set[str]:
    """Return the codes of a list's warnings."""
    return {warning["code"] for warning in answer.json().get("warnings", [])}


@pytest.mark.parametrize("role", ["superuser", "owner"])
def test_plain_sql_is_all_it_takes(
    client: httpx.Client, database: psycopg.Connection, eventually: Eventually, role: str
) -> None:
    """An operator's inserts, and nothing else, are served in score order, and an update reorders them."""
    name = f"seeded-by-{role}"
    client.headers["X-Org-Id"] = name
    if role == "owner":
        database.execute("set role recsys_owner")
    try:
        database.execute(SEED.format(tenant=name))
        answer = client.post("/v1/recommend", json={"surface": "home", "k": 3})
        assert ids(answer) == ["green", "blue", "red"]
        scores = [item["score"] for item in answer.json()["items"]]
        assert scores == sorted(scores, reverse=True)
        assert [item["rank"] for item in answer.json()["items"]] == [1, 2, 3]
        anchored = {"surface": "home", "k": 2, "anchors": {"item_ids": ["blue"]}}
        assert ids(client.post("/v1/recommend", json=anchored))[0] == "red"
        database.execute(
            "update item_popularity_daily set score = 100 where item_id = 'red' and tenant_id ="
            " (select id from tenants where external_id = %s)",
            (name,),
        )
    finally:
        database.execute("reset role")
    eventually(lambda: ids(client.post("/v1/recommend", json={"surface": "home", "k": 3}))[0] == "red")


def test_a_list_says_what_made_it(client: httpx.Client, seeded: Tenant) -> None:
    """`meta` names tenant, surface, segment, request and versions, and how long it took."""
    answer = client.post("/v1/recommend", json={"surface": "home", "k": 5, "segment": "vip"})
    meta = answer.json()["meta"]
    assert (meta["tenant_id"], meta["surface"], meta["segment"]) == (seeded.external_id, "home", "vip")
    assert meta["config_version"] is None
    assert meta["rules_version"] is None
    assert meta["signals_version"]
    assert meta["algo_version"]
    assert meta["timings_ms"]["total"] > 0
    assert meta["counts"]["returned"] == 5


def test_reasons_and_explanations_are_there_when_asked_for(client: httpx.Client, seeded: Tenant) -> None:
    """Without the options an item is id, rank and score; with them it says why, in parts that add up."""
    del seeded
    plain = client.post("/v1/recommend", json={"surface": "home", "k": 1}).json()["items"][0]
    assert plain.keys() == {"item_id", "rank", "score"}
    options = {"include_reasons": True, "explain": "summary"}
    told = client.post("/v1/recommend", json={"surface": "home", "k": 1, "options": options}).json()["items"][0]
    assert told["reasons"] == ["recent_popularity"]
    assert sum(told["explain"]["signals"].values()) == pytest.approx(told["score"], abs=1e-5)


def test_a_short_list_says_why(client: httpx.Client, seeded: Tenant, database: psycopg.Connection) -> None:
    """Fewer items than asked for come with a warning; a tenant without items gets an empty list and a reason."""
    del seeded
    assert codes(client.post("/v1/recommend", json={"surface": "home", "k": 30})) >= {"CATALOG_EXHAUSTED"}
    database.execute("insert into tenants (external_id, name) values ('empty', 'x')")
    answer = client.post("/v1/recommend", json={"surface": "home"}, headers={"X-Org-Id": "empty"})
    assert ids(answer) == []
    assert codes(answer) >= {"NAMESPACE_UNKNOWN", "CATALOG_EXHAUSTED"}


def test_a_request_s_wishes_are_met(client: httpx.Client, seeded: Tenant) -> None:
    """Exclusions, allow-lists, tags, caps and weights of the request shape the list."""
    del seeded

    def ask(more: dict[str, Any]) -> list[str]:
        return ids(client.post("/v1/recommend", json={"surface": "home", "k": 3} | more))

    assert ask({}) == ["i00", "i01", "i02"]
    assert ask({"candidates": {"exclude_ids": ["i00", "i02"]}}) == ["i01", "i03", "i04"]
    assert ask({"candidates": {"include_ids": ["i19", "i07"]}}) == ["i07", "i19"]
    assert ask({"constraints": {"required_tags": ["brand:x"]}}) == ["i00", "i01"]
    assert ask({"constraints": {"forbidden_tags": ["brand:x"]}}) == ["i02", "i03", "i04"]
    assert ask({"constraints": {"max_per_tag": {"brand:x": 1}}}) == ["i00", "i02", "i03"]
    assert ask({"anchors": {"item_ids": ["i01"]}, "weights": {"pop": 0.01, "emb": 1}})[0] == "i00"
    assert ask({"user": None, "weights": None, "k": None})[:3] == ["i00", "i01", "i02"]


def test_a_surface_s_own_namespace_comes_first_and_is_filled_up(
    client: httpx.Client, seeded: Tenant, database: psycopg.Connection
) -> None:
    """A surface with a namespace of its own name shows that, then items of `default`, says so, and repeats none."""
    for item, score in (("own", 5), ("i00", 1)):
        database.execute(
            "insert into item_popularity_daily (tenant_id, namespace, item_id, day, score)"
            " values (%s, 'corner', %s, current_date, %s)",
            (seeded.id, item, score),
        )
    database.execute(
        "insert into item_tags (tenant_id, namespace, item_id, tags) values (%s, 'corner', 'own', '{brand:y}')",
        (seeded.id,),
    )
    answer = client.post("/v1/recommend", json={"surface": "corner", "k": 4})
    assert ids(answer) == ["own", "i00", "i01", "i02"]
    assert codes(answer) == {"NAMESPACE_FALLBACK"}
    assert [item["rank"] for item in answer.json()["items"]] == [1, 2, 3, 4]
    capped = {"surface": "corner", "k": 3, "constraints": {"max_per_tag": {"brand:y": 1}}}
    answer = client.post("/v1/recommend", json=capped)
    assert ids(answer) == ["own", "i00", "i01"]


def test_every_list_is_recorded(
    client: httpx.Client, seeded: Tenant, database: psycopg.Connection, eventually: Eventually
) -> None:
    """Each served list has one row in `exposure_events`: what was shown to whom; the raw user id is not in it."""
    request = {"surface": "home", "k": 2, "user": {"user_id": "ada", "session_id": "s1"}, "experiment": {"id": "e1"}}
    answer = client.post("/v1/recommend", json=request, headers={"X-Request-Id": "exposed-1"})
    similar = {"surface": "home", "item_id": "i00", "k": 3}
    client.post("/v1/similar", json=similar, headers={"X-Request-Id": "exposed-2"})
    client.post("/v1/recommend/validate", json=request, headers={"X-Request-Id": "exposed-3"})

    def rows() -> list[Any]:
        return database.execute(
            "select request_id, surface, item_ids, session_id, experiment_id, signals_version, length(user_key), scores"
            " from exposure_events where tenant_id = %s order by request_id",
            (seeded.id,),
        ).fetchall()

    eventually(lambda: len(rows()) == 2)
    first, second = rows()
    version = answer.json()["meta"]["signals_version"]
    assert first[:-1] == ("exposed-1", "home", ["i00", "i01"], "s1", "e1", version, 32)
    assert first[-1] == pytest.approx([item["score"] for item in answer.json()["items"]])
    assert second[0] == "exposed-2"
    text = database.execute("select e::text from exposure_events as e where tenant_id = %s", (seeded.id,)).fetchall()
    assert "ada" not in repr(text)


def test_validate_shows_the_request_with_every_default(client: httpx.Client, seeded: Tenant) -> None:
    """The dry run answers the request as it is understood, names each default, and ranks nothing."""
    answer = client.post("/v1/recommend/validate", json={"surface": "home", "k": 7})
    assert answer.status_code == 200
    document = answer.json()
    assert document["meta"]["tenant_id"] == seeded.external_id
    assert document["normalized_request"]["k"] == 7
    assert document["normalized_request"]["segment"] == "default"
    assert document["normalized_request"]["weights"] == {"pop": 0.3, "cooc": 0.5, "emb": 0.2, "session": 0.0}
    assert "items" not in document
    named = {warning["detail"].split()[0] for warning in document["warnings"]}
    assert {"segment", "weights.pop"} <= named
    assert "k" not in named
    assert codes(answer) == {"DEFAULT_APPLIED"}


def test_the_normalized_request_is_a_request(client: httpx.Client, seeded: Tenant) -> None:
    """What validate answers can be sent, and makes the same list."""
    del seeded
    request = {"surface": "home", "k": 3, "constraints": {"forbidden_tags": ["brand:x"]}}
    normalized = client.post("/v1/recommend/validate", json=request).json()["normalized_request"]
    assert ids(client.post("/v1/recommend", json=normalized)) == ids(client.post("/v1/recommend", json=request))


def test_similar_items_are_those_met_together_then_alike_then_popular(
    client: httpx.Client, seeded: Tenant, database: psycopg.Connection
) -> None:
    """Items met together lead, then those with shared tags, then popular ones; the reasons say so."""
    database.execute(
        "insert into item_covisit_daily (tenant_id, namespace, item_id, neighbor_id, day, score)"
        " values (%s, 'default', 'i01', 'i19', current_date, 30), (%s, 'default', 'i19', 'i01', current_date, 30)",
        (seeded.id, seeded.id),
    )
    asked = {"surface": "home", "item_id": "i01", "k": 4, "options": {"include_reasons": True}}
    answer = client.post("/v1/similar", json=asked)
    assert ids(answer) == ["i19", "i00", "i02", "i03"]
    leading = [item["reasons"][0] for item in answer.json()["items"]]
    assert leading == ["co_visitation", "content_similarity", "recent_popularity", "recent_popularity"]
    unknown = client.post("/v1/similar", json=asked | {"item_id": "never-heard-of"})
    assert ids(unknown) == ["i00", "i01", "i02", "i03"]
    assert "ANCHOR_UNKNOWN" in codes(unknown)


def test_the_clock_of_the_rules_is_for_operators(client: httpx.Client, seeded: Tenant) -> None:
    """`context.now` is honoured for who may explain, and ignored with a warning for others."""
    del seeded
    request = {"surface": "home", "context": {"now": "2030-01-01T00:00:00Z"}}
    assert codes(client.post("/v1/recommend", json=request)) == set()
    answer = client.post("/v1/recommend", json=request, headers={"X-Dev-Roles": "serve"})
    assert codes(answer) == {"CONTEXT_NOW_IGNORED"}


def test_the_tenant_s_limits_hold(client: httpx.Client, seeded: Tenant, database: psycopg.Connection) -> None:
    """A k above the tenant's own max_k, and more exclusions than it allows, are a bad request."""
    row = database.execute(
        "insert into tenant_config_versions (tenant_id, config) values (%s, %s) returning id",
        (seeded.id, '{"limits": {"max_k": 10, "max_exclude_ids": 1}}'),
    ).fetchone()
    assert row is not None
    database.execute(
        "insert into tenant_configs_current (tenant_id, config_version_id) values (%s, %s)", (seeded.id, row[0])
    )
    assert client.post("/v1/recommend", json={"surface": "home", "k": 10}).status_code == 200
    answer = client.post("/v1/recommend", json={"surface": "home", "k": 11})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "$.k")
    answer = client.post("/v1/recommend", json={"surface": "home", "candidates": {"exclude_ids": ["a", "b"]}, "k": 1})
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (400, "$.candidates.exclude_ids")


def test_a_batch_answers_in_order_and_repeats_nothing(
    client: httpx.Client, seeded: Tenant, database: psycopg.Connection, eventually: Eventually
) -> None:
    """Each request of a batch gets its list or its problem, in order; with dedupe no list repeats an earlier one's."""
    requests = [{"surface": "top", "k": 2}, {"surface": "home", "options": {"explain": "full"}, "k": 51}]
    requests.append({"surface": "bottom", "k": 2})
    body = {"requests": requests, "dedupe": True}
    answer = client.post("/v1/recommend/batch", json=body, headers={"X-Request-Id": "page-1"})
    assert answer.status_code == 200
    first, refused, third = answer.json()["responses"]
    assert [item["item_id"] for item in first["items"]] == ["i00", "i01"]
    assert (refused["status"], refused["code"]) == (400, "RECSYS_INVALID_REQUEST")
    assert [item["item_id"] for item in third["items"]] == ["i02", "i03"]
    plain = client.post("/v1/recommend/batch", json={"requests": [requests[0]] * 2}).json()["responses"]
    assert plain[0]["items"] == plain[1]["items"]

    def surfaces() -> list[str]:
        query = "select surface from exposure_events where tenant_id = %s and request_id = 'page-1' order by surface"
        return [row[0] for row in database.execute(query, (seeded.id,)).fetchall()]

    eventually(lambda: surfaces() == ["bottom", "top"])


@pytest.mark.parametrize("requests", [[], [{"surface": "home"}] * 21, [{"surface": "home"}, {"k": 1}]])
def test_a_wrong_batch_is_a_bad_request(client: httpx.Client, requests: list[Any]) -> None:
    """None, more than twenty, or one that is malformed: the batch as a whole is refused."""
    assert client.post("/v1/recommend/batch", json={"requests": requests}).status_code == 400
