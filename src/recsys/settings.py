"""Every setting: its variable, its default, its meaning. Read once, from the environment, when a command starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from recsys import markdown, values
from recsys.errors import InvalidSetting
from recsys.values import Kind

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class Variable(NamedTuple):
    """How one setting is spelled in the environment."""

    name: str
    help: str
    kind: Kind
    aliases: tuple[str, ...] = ()
    secret: bool = False


def _setting(
    name: str,
    default: Any,
    kind: Kind,
    help: str,  # noqa: A002  the word that every command line uses
    *,
    aliases: tuple[str, ...] = (),
    secret: bool = False,
) -> Any:
    return field(default=default, metadata={"variable": Variable(name, help, kind, aliases, secret)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says. A wrong value raises InvalidSetting with the variable's name and the remedy."""

    # where the data is
    database_url: str | None = _setting(
        "DATABASE_URL",
        None,
        values.text,
        "Postgres to use, as the service's login. Without it an embedded Postgres is started in RECSYS_DATA_DIR.",
        secret=True,
    )
    owner_database_url: str | None = _setting(
        "RECSYS_OWNER_DATABASE_URL",
        None,
        values.text,
        "The same database as a login that may act as the owner (migrations, retirement). Default: DATABASE_URL.",
        secret=True,
    )
    superuser_database_url: str | None = _setting(
        "RECSYS_SUPERUSER_DATABASE_URL",
        None,
        values.text,
        "A login that may create roles and databases; only `recsys migrate roles` reads it.",
        secret=True,
    )
    data_dir: Path = _setting(
        "RECSYS_DATA_DIR", Path(".recsys"), values.path, "Folder of the embedded database, the spool and the caches."
    )
    dataset_dir: Path | None = _setting(
        "RECSYS_DATASET_DIR",
        None,
        values.path,
        "Folder of fetched public data sets, so that installations can share them. Default: in RECSYS_DATA_DIR.",
    )
    postgres_bin: Path | None = _setting(
        "RECSYS_POSTGRES_BIN",
        None,
        values.path,
        "Folder with the binaries of the embedded Postgres (initdb, postgres, ...).",
    )
    db_role_prefix: str = _setting(
        "RECSYS_DB_ROLE_PREFIX",
        "recsys",
        values.identifier,
        "Prefix of the three database roles, so that installations can share a cluster.",
    )
    db_pooler: str = _setting(
        "RECSYS_DB_POOLER",
        "none",
        values.choice("none", "transaction"),
        "`transaction` when a transaction pooler stands before Postgres.",
    )
    db_pool_size: int = _setting(
        "RECSYS_DB_POOL_SIZE", 4, values.whole(1, 100), "Connections that one process keeps at most."
    )
    require_rls: bool = _setting(
        "RECSYS_REQUIRE_RLS", True, values.boolean, "Refuse to start when the database would not keep tenants apart."
    )

    archive_dir: Path | None = _setting(
        "RECSYS_ARCHIVE_DIR",
        None,
        values.path,
        "Folder where a log's partition is written before it is dropped. Default: it is dropped without a copy.",
    )
    archive_format: str = _setting(
        "RECSYS_ARCHIVE_FORMAT",
        "csv",
        values.choice("csv", "parquet"),
        "How it is written: `csv` (gzip) or `parquet` (needs the extra `parquet`).",
    )

    signals_interval: float = _setting(
        "RECSYS_SIGNALS_INTERVAL",
        300.0,
        values.seconds(0, 86400),
        "Seconds from one build of the signals to the next inside `serve`; 0 leaves it to another host.",
    )
    signals_jobs: int = _setting(
        "RECSYS_SIGNALS_JOBS",
        2,
        values.whole(1, 64),
        "Days of a tenant's signals that are built at once, each on a connection and about one core of the database; "
        "inside `serve` at most half of RECSYS_DB_POOL_SIZE.",
    )

    snapshot_memory_mib: int = _setting(
        "RECSYS_SNAPSHOT_MEMORY",
        4096,
        values.whole(1, 2**40),
        "MiB that the snapshots of one worker may take; beyond it those not asked for the longest are let go.",
    )

    snapshot_disk_mib: int = _setting(
        "RECSYS_SNAPSHOT_DISK",
        8192,
        values.whole(1, 2**40),
        "MiB of snapshots that are kept in RECSYS_DATA_DIR/snapshots, shared by the workers and ready after a restart.",
    )

    snapshot_compare: float = _setting(
        "RECSYS_SNAPSHOT_COMPARE",
        3600.0,
        values.seconds(0, 86400),
        "Seconds from one comparison of a snapshot in service with a full load to the next; 0 is never.",
    )

    # the server
    host: str = _setting("RECSYS_HOST", "127.0.0.1", values.text, "Address to listen on.")
    port: int = _setting("RECSYS_PORT", 8000, values.whole(0, 65535), "Port to listen on.")
    workers: int = _setting("RECSYS_WORKERS", 1, values.whole(1, 64), "Worker processes.")
    stuck_seconds: float = _setting(
        "RECSYS_WORKER_STUCK",
        30.0,
        values.seconds(2, 3600),
        "Seconds without a turn of its event loop after which a worker is killed and replaced.",
    )
    log_level: str = _setting(
        "RECSYS_LOG_LEVEL",
        "info",
        values.choice("debug", "info", "warning", "error"),
        "Least severe log line that is written.",
    )
    log_format: str = _setting(
        "RECSYS_LOG_FORMAT",
        "auto",
        values.choice("auto", "json", "console"),
        "`auto` is console on a terminal, json elsewhere.",
    )

    access_log_share: float = _setting(
        "RECSYS_ACCESS_LOG_SHARE",
        0.01,
        values.number(0, 1),
        "Share of requests that get a line in the log, 0 to 1. Slow and failed ones always have theirs, "
        "those turned away with 503 together one a second.",
    )
    slow_request_seconds: float = _setting(
        "RECSYS_SLOW_REQUEST",
        1.0,
        values.seconds(0, 3600),
        "Seconds after which a request is slow, and its line says how long each stage took.",
    )

    otlp_endpoint: str | None = _setting(
        "RECSYS_OTLP_ENDPOINT",
        None,
        values.text,
        "Where a span of each request is sent (OpenTelemetry over HTTP), such as `http://127.0.0.1:4318/v1/traces`; "
        "needs the extra `otel`. Default: none is made.",
    )

    # events
    exposure_sync: str = _setting(
        "RECSYS_EXPOSURE_SYNC",
        "write",
        values.choice("write", "full"),
        "When an answer's exposure counts as kept: `write` survives a killed process, `full` a power cut too.",
    )
    spool_max_mib: int = _setting(
        "RECSYS_SPOOL_MAX_MIB", 4096, values.whole(1, 2**40), "MiB that the spools of this host may hold together."
    )
    spool_min_free_mib: int = _setting(
        "RECSYS_SPOOL_MIN_FREE_MIB", 256, values.whole(0, 2**40), "MiB of disk that the spools leave free."
    )
    spool_keep_seconds: float = _setting(
        "RECSYS_SPOOL_KEEP",
        3600.0,
        values.seconds(0, 30 * 86400),
        "Seconds for which drained segments are kept: a database restored to a time within them loses no event.",
    )
    spool_sync_seconds: float = _setting(
        "RECSYS_SPOOL_SYNC_INTERVAL",
        0.05,
        values.seconds(0, 10),
        "Seconds of exposures that a power cut may take.",
    )
    exposure_log_path: Path | None = _setting(
        "RECSYS_EXPOSURE_LOG_PATH",
        None,
        values.path,
        "File that every served list is appended to as it happens, as a line of JSON (eval_v1); may be rotated.",
        aliases=("EXPOSURE_LOG_PATH",),
    )

    # identity
    auth_required: bool = _setting(
        "RECSYS_AUTH_REQUIRED",
        True,
        values.boolean,
        "Demand an API key or a token on every route that serves data.",
        aliases=("AUTH_REQUIRED",),
    )
    dev_mode: bool | None = _setting(
        "RECSYS_DEV_MODE",
        None,
        values.boolean,
        "Accept X-Dev-* headers and X-Org-Id alone. Default: only with the embedded database on a loopback address.",
    )
    user_key_secret: str | None = _setting(
        "RECSYS_USER_KEY_SECRET",
        None,
        values.text,
        "Secret of the user keys. The embedded installation makes and keeps one; elsewhere it must be set.",
        aliases=("EXPOSURE_HASH_SALT",),
        secret=True,
    )
    user_key_secrets_old: tuple[str, ...] = _setting(
        "RECSYS_USER_KEY_SECRETS_OLD",
        (),
        values.words,
        "Earlier secrets of the user keys, separated by commas: an erasure finds what was stored under them too.",
        secret=True,
    )

    installation_keys: tuple[str, ...] = _setting(
        "RECSYS_INSTALLATION_KEYS",
        (),
        values.digests,
        "SHA-256 of the keys that speak for the installation and no tenant of it. Where there are any, only they "
        "create, suspend and resume tenants; they may do everything in each. `recsys keys installation` makes one.",
    )
    jwt_jwks_url: str | None = _setting(
        "RECSYS_JWT_JWKS_URL",
        None,
        values.text,
        "Where the identity provider publishes its keys. Bearer tokens are accepted only where this is set.",
        aliases=("JWT_JWKS_URL",),
    )
    jwt_issuer: str | None = _setting(
        "RECSYS_JWT_ISSUER", None, values.text, "The `iss` that a token must have.", aliases=("JWT_ISSUER",)
    )
    jwt_audience: str | None = _setting(
        "RECSYS_JWT_AUDIENCE", None, values.text, "The `aud` that a token must have.", aliases=("JWT_AUDIENCE",)
    )
    jwt_algorithms: tuple[str, ...] = _setting(
        "RECSYS_JWT_ALGORITHMS",
        ("RS256", "ES256"),
        values.signatures,
        "Signatures that are accepted, separated by commas.",
        aliases=("JWT_ALGORITHMS",),
    )
    jwt_refresh_seconds: float = _setting(
        "RECSYS_JWT_REFRESH",
        300.0,
        values.seconds(1, 86400),
        "Seconds after which the provider's keys are read again.",
    )
    jwt_leeway_seconds: float = _setting(
        "RECSYS_JWT_LEEWAY",
        30.0,
        values.seconds(0, 600),
        "Seconds by which the clocks of issuer and service may differ.",
    )
    require_if_match: bool = _setting(
        "RECSYS_REQUIRE_IF_MATCH", False, values.boolean, "Refuse to publish without If-Match or If-None-Match (428)."
    )

    # limits
    rate_limit_tenant: float = _setting(
        "RECSYS_RATE_LIMIT_TENANT",
        0.0,
        values.number(0, 1e6),
        "Requests a second that a host, all its workers together, answers for one tenant; 0 is no limit.",
        aliases=("TENANT_RATE_LIMIT",),
    )
    rate_limit_key: float = _setting(
        "RECSYS_RATE_LIMIT_KEY",
        0.0,
        values.number(0, 1e6),
        "Requests a second that a host answers for one API key or token subject; 0 is no limit.",
        aliases=("API_KEY_RATE_LIMIT",),
    )
    rate_burst_seconds: float = _setting(
        "RECSYS_RATE_BURST",
        2.0,
        values.number(0.001, 3600),
        "How many seconds' worth of a rate limit may come at once.",
    )
    request_timeout_seconds: float = _setting(
        "RECSYS_REQUEST_TIMEOUT", 15.0, values.seconds(0.1, 600), "Seconds after which a request is given up with 503."
    )
    lists_at_once: int = _setting(
        "RECSYS_LISTS_AT_ONCE",
        64,
        values.whole(2, 10_000),
        "Requests for lists that one worker takes on together; those beyond find 503 at once instead of a queue.",
    )
    requests_at_once: int = _setting(
        "RECSYS_REQUESTS_AT_ONCE",
        1024,
        values.whole(1, 100_000),
        "Requests that may be under way in one worker, health and admin aside; those beyond find 503.",
    )
    cors_origins: tuple[str, ...] = _setting(
        "RECSYS_CORS_ORIGINS",
        (),
        values.words,
        "Origins whose pages may call, separated by commas; `*` is every origin. Default: none.",
        aliases=("CORS_ALLOWED_ORIGINS",),
    )
    trusted_proxies: tuple[str, ...] = _setting(
        "RECSYS_TRUSTED_PROXIES",
        (),
        values.networks,
        "Networks of the proxies whose X-Forwarded-For is believed in the audit log, such as 10.0.0.0/8.",
    )

    def __post_init__(self) -> None:
        """Refuse values that can not stand together."""
        pinned = self.jwt_issuer and self.jwt_audience
        if self.jwt_jwks_url and not pinned:
            raise InvalidSetting(
                "RECSYS_JWT_JWKS_URL: set RECSYS_JWT_ISSUER and RECSYS_JWT_AUDIENCE too; "
                "without them a token for any other service would be good here."
            )

    @property
    def dataset_cache(self) -> Path:
        """Where public data sets are kept."""
        return self.dataset_dir or self.data_dir / "datasets"

    @property
    def spool_dir(self) -> Path:
        """Where the spools of this host lie."""
        return self.data_dir / "spool"

    @property
    def snapshots_dir(self) -> Path:
        """Where the snapshots of this host lie."""
        return self.data_dir / "snapshots"

    @property
    def kept_dir(self) -> Path:
        """Where this host keeps what it knows of tenants and keys, for a start without a database."""
        return self.data_dir / "kept"

    @property
    def workers_dir(self) -> Path:
        """Where the processes that serve from this data folder can be told something."""
        return self.data_dir / "workers"

    @property
    def served_dir(self) -> Path:
        """Where the processes that serve from this data folder say what they serve."""
        return self.data_dir / "served"

    @property
    def heartbeats_dir(self) -> Path:
        """Where the workers say that their event loops turn."""
        return self.data_dir / "heartbeats"

    @property
    def metrics_dir(self) -> Path:
        """Where the processes of a service count together."""
        return self.data_dir / "metrics"

    @property
    def tenant_limits_path(self) -> Path:
        """Where the workers of this host count the requests of tenants together."""
        return self.data_dir / "limits" / "tenants"

    @property
    def key_limits_path(self) -> Path:
        """Where the workers of this host count the requests of keys and token subjects together."""
        return self.data_dir / "limits" / "keys"

    @property
    def embedded(self) -> bool:
        """Whether this process uses the embedded Postgres."""
        return self.database_url is None

    @property
    def development(self) -> bool:
        """Whether X-Dev-* headers and X-Org-Id alone are believed: said so, or embedded on a loopback address."""
        if self.dev_mode is not None:
            return self.dev_mode
        return self.embedded and self.host in _LOOPBACK

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ, **overrides: Any) -> Settings:
        """Read every variable; *overrides* (from command line options) win when they are not None."""
        found = {name: value for name, variable in variables() if (value := _read(variable, environ)) is not None}
        found.update({name: value for name, value in overrides.items() if value is not None})
        return cls(**found)


def variables() -> list[tuple[str, Variable]]:
    """List (field name, variable) of every setting, in the order of the reference page."""
    return [(item.name, item.metadata["variable"]) for item in fields(Settings)]


def environment(**given: Any) -> dict[str, str]:
    """Spell settings as variables, for a process that reads them from its environment; None is left out."""
    return {variable(name): text for name, value in given.items() if (text := spelled(value)) is not None}


def variable(name: str) -> str:
    """Name the environment variable of one field of Settings."""
    return dict(variables())[name].name


def reference() -> str:
    """Describe every variable as a Markdown table, for the reference page."""
    return markdown.table(("variable", "takes", "default", "meaning"), map(_described, fields(Settings)))


def _described(item: Field[Any]) -> tuple[str, str, str, str]:
    variable: Variable = item.metadata["variable"]
    also = f" Also read as {', '.join(map(markdown.code, variable.aliases))}." if variable.aliases else ""
    return markdown.code(variable.name), variable.kind.takes, markdown.code(spelled(item.default)), variable.help + also


def spelled(value: Any) -> str | None:
    """Spell a value as its variable would; None where there is none."""
    match value:
        case None | ():
            return None
        case bool():
            return str(value).lower()
        case tuple():
            return ",".join(value)
        case float():
            return f"{value:.15g}"
        case _:
            return str(value)


def _read(variable: Variable, environ: Mapping[str, str]) -> Any:
    for name in (variable.name, *variable.aliases):
        text = environ.get(name, "")
        if text.strip():
            try:
                return variable.kind.read(text)
            except ValueError:
                shown = "its value" if variable.secret else repr(text)
                msg = f"{name}: {shown} can not be used, for it takes {variable.kind.takes}. {variable.help}"
                raise InvalidSetting(msg) from None
    return None
