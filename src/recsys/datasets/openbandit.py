"""Open Bandit: what a fashion shop showed at random and by a learner, with true propensities, and what was clicked."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from recsys.datasets.fetch import DataSet, write_lines
from recsys.datasets.wheel import Wheel

_OBD = "obp/dataset/obd"
POLICIES = ("random", "bts")
"""Uniform at random, and Bernoulli Thompson sampling: the same shop in the same week."""

CAMPAIGNS = ("all", "men", "women")


def impressions(log: bytes, policy: str, campaign: str) -> Iterator[dict[str, Any]]:
    """Give every impression as an exposure of one item in the form `eval_v1`."""
    for number, line in enumerate(_table(log)):
        yield {
            "request_id": f"{policy}-{campaign}-{number}",
            "user_id": _visitor(line),
            "ts": _time(line),
            "items": [
                {
                    "item_id": line["item_id"],
                    "rank": int(line["position"]),
                    "propensity": float(line["propensity_score"]),
                }
            ],
            "context": {
                "tenant_id": "open-bandit",
                "surface": campaign,
                "segment": "default",
                "algo_version": policy,
                "config_version": None,
                "rules_version": None,
            },
        }


def clicks(log: bytes, policy: str, campaign: str) -> Iterator[dict[str, Any]]:
    """Give every click as an outcome that names its exposure."""
    for number, line in enumerate(_table(log)):
        if line["click"] == "1":
            yield {
                "request_id": f"{policy}-{campaign}-{number}",
                "user_id": _visitor(line),
                "item_id": line["item_id"],
                "event_type": "click",
                "ts": _time(line),
            }


def items(context: bytes) -> Iterator[dict[str, Any]]:
    """Give every item of a campaign with its three hashed categories as tags."""
    for line in _table(context):
        yield {"item_id": line["item_id"], "tags": [f"category{n}:{line[f'item_feature_{n}'][:8]}" for n in (1, 2, 3)]}


def _table(content: bytes) -> Iterator[dict[str, str]]:
    return csv.DictReader(content.decode("utf-8").splitlines())


def _visitor(line: dict[str, str]) -> str:
    """Name the kind of visitor: the source knows four hashed features of a visitor and no id."""
    features = "".join(line[f"user_feature_{n}"] for n in range(4))
    return hashlib.blake2b(features.encode(), digest_size=8).hexdigest()


def _time(line: dict[str, str]) -> str:
    return datetime.fromisoformat(line["timestamp"]).isoformat()


def _write(contents: Mapping[str, bytes], folder: Path) -> dict[str, int]:
    rows: dict[str, int] = {}
    for campaign in CAMPAIGNS:
        name = f"items-{campaign}.jsonl"
        rows[name] = write_lines(folder / name, items(contents[f"{_OBD}/random/{campaign}/item_context.csv"]))
        for policy in POLICIES:
            log = contents[f"{_OBD}/{policy}/{campaign}/{campaign}.csv"]
            for kind, read in (("exposures", impressions), ("outcomes", clicks)):
                name = f"{kind}-{policy}-{campaign}.jsonl"
                rows[name] = write_lines(folder / name, read(log, policy, campaign))
    return rows


OPEN_BANDIT = DataSet(
    name="open-bandit",
    summary="60,000 impressions of fashion items by two policies with true propensities, and their clicks, 2019",
    terms=(
        "The sample is of the Open Bandit Dataset of ZOZO Research, published under the licence CC BY 4.0: use and "
        "share it if you name them (Saito and others, 2021, Open Bandit Dataset and Pipeline: Towards "
        "Realistic and Reproducible Off-Policy Evaluation) and say what you changed. recsys writes it in its own form: "
        "every impression is a slate of one item. It is not part of recsys-service: your own package client fetches "
        "it, and it stays on this machine."
    ),
    wheel=Wheel(
        requirement="obp==0.4.1",
        filename="obp-0.4.1-py3-none-any.whl",
        sha256="87dec9caf4283c25ab13036532e0a24566f1c7bdcad1653a8ded43b2f5ef8208",
        members={
            f"{_OBD}/bts/all/all.csv": "0ad874e4dbf6902f0845dd478ad8dde5ef6903583d3ffaace78411bdad064106",
            f"{_OBD}/bts/men/men.csv": "db6d1f7ed2d591ba521533e45286d4c1fba7fe57a8ad2e80342210335f43c527",
            f"{_OBD}/bts/women/women.csv": "e5d1b49a39b608585a2f3014a3f54970430cd37a495c1b73fceb85cdf428a5b8",
            f"{_OBD}/random/all/all.csv": "7168295b6e0a9eabcf3392320a5dd434e542b68e705d5cd9491499af589812f1",
            f"{_OBD}/random/all/item_context.csv": "eba04cc23d5f130a93ff174c5392986882b94c3839433cb8143870eaa6221358",
            f"{_OBD}/random/men/item_context.csv": "6d855c2b7e917d0448d71bbe62c023147495882c0fdc8c41e86fef86abf9fe09",
            f"{_OBD}/random/men/men.csv": "ede6d08c6877f99cd3770f7d09e26c738e6aa6de4445ccccfb1356ba5d06b1eb",
            f"{_OBD}/random/women/item_context.csv": "b1ca4905f97703d196004f2ad4552c1e90c2afad8b50688d333b0d2dc0b33147",
            f"{_OBD}/random/women/women.csv": "e65f3bd3beb17664fa69cc129bf7bf852a775f8ffa630506e505fc905315bb34",
        },
    ),
    write=_write,
)
