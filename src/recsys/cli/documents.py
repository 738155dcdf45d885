"""What `recsys config` and `recsys rules` share: reading, publishing, comparing and rolling back versions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.text import Text

from recsys.cli.account import actor
from recsys.cli.columns import print_columns
from recsys.cli.console import out, print_json, talk
from recsys.cli.load_times import load_times, when_live
from recsys.db.pool import Database
from recsys.errors import InvalidDocument, NotFound
from recsys.settings import Settings
from recsys.tenancy import tenants
from recsys.tenancy.difference import changed_lines, json_patch
from recsys.tenancy.document import Unreadable, read_document
from recsys.tenancy.schema import tables
from recsys.tenancy.store import CONFIG, NO_VERSION, SOME_VERSION, Expected, Kind, Published, Version, Versions

AsJson = Annotated[bool, typer.Option("--json", help="For programs.")]
TenantName = Annotated[str, typer.Option("--tenant", envvar="RECSYS_TENANT", help="External id or UUID.")]
Comment = Annotated[str | None, typer.Option(envvar="RECSYS_CHANGE_COMMENT", help="Why; kept with the version.")]
IfMatch = Annotated[
    str | None,
    typer.Option(envvar="RECSYS_IF_MATCH", help="Only if this etag is live; `*`: any version, `none`: no version yet."),
]
Etag = Annotated[str, typer.Argument(help="An etag, or its beginning.")]
Side = Annotated[str, typer.Argument(help="`live`, an etag or its beginning, a file, or - for standard input.")]

_STYLES = {"+": "green", "-": "red", "@": "cyan"}


def commands(kind: Kind, schema: Callable[[], dict[str, Any]], summary: str) -> typer.Typer:
    """Make the commands for one kind of document, whose JSON Schema is *schema*."""
    app = typer.Typer(no_args_is_help=True, help=summary)
    document = "config document" if kind.name == "config" else "rules document"

    @app.command(help=f"Print the live {document}, or that of another version.")
    def get(
        tenant: TenantName,
        version: Annotated[str, typer.Option(help="An etag, or its beginning.")] = "live",
        *,
        as_json: AsJson = False,
    ) -> None:
        with _versions(tenant, kind) as versions:
            found = _find(versions, version)
        print_json(_described(found) | {kind.name: found.document} if as_json else found.document)
        talk.print(f"etag {found.etag}", markup=False)

    @app.command(help=f"Publish a {document}: the whole of it, from a file or - for standard input.")
    def put(
        file: Annotated[
            typer.FileBinaryRead, typer.Argument(metavar="FILE", help="The document; - for standard input.")
        ],
        tenant: TenantName,
        comment: Comment = None,
        if_match: IfMatch = None,
        *,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and compare, and publish nothing.")] = False,
        as_json: AsJson = False,
    ) -> None:
        text = file.read()
        with _versions(tenant, kind) as versions:
            if dry_run:
                kind.parse(text)
                _show_difference(_live(versions), _read(text), as_json=as_json)
                return
            before = _live(versions)
            published = versions.publish(text, expected=_expected(if_match), actor=actor(), comment=comment)
        _report(published, _when(kind, tenant, before, published), as_json=as_json)

    @app.command("versions", help=f"List the versions of the {document}, newest first.")
    def list_versions(
        tenant: TenantName,
        limit: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
        *,
        as_json: AsJson = False,
    ) -> None:
        with _versions(tenant, kind) as versions:
            found = versions.list(limit)
        if as_json:
            print_json([_described(version) for version in found])
        else:
            print_columns(("", "etag", "published", "by", "comment"), map(_columns, found))

    @app.command(help="Compare two documents; --json gives JSON Patch (RFC 6902).")
    def diff(tenant: TenantName, before: Side, after: Side = "live", *, as_json: AsJson = False) -> None:
        with _versions(tenant, kind) as versions:
            values = [_side(versions, side) for side in (before, after)]
        _show_difference(*values, as_json=as_json)

    @app.command(help="Make an older version the live one; no version is added.")
    def rollback(
        to: Etag, tenant: TenantName, comment: Comment = None, if_match: IfMatch = None, *, as_json: AsJson = False
    ) -> None:
        with _versions(tenant, kind) as versions:
            before, etag = _live(versions), versions.resolve(to)
            published = versions.roll_back(etag, expected=_expected(if_match), actor=actor(), comment=comment)
        _report(published, _when(kind, tenant, before, published), as_json=as_json)

    @app.command("schema", help=f"Print the JSON Schema of the {document}.")
    def print_schema(
        *, markdown: Annotated[bool, typer.Option("--markdown", help="As the tables of the reference page.")] = False
    ) -> None:
        if markdown:
            out.print(tables(schema()), markup=False, end="")
        else:
            print_json(schema())

    return app


@contextmanager
def _versions(tenant: str, kind: Kind) -> Iterator[Versions]:
    with Database.open(Settings.from_environment()) as database:
        with database.system() as conn:
            tenant_id = tenants.find(conn, tenant).id
        with database.service(tenant_id) as conn:
            yield Versions(conn, tenant_id, kind)


def _find(versions: Versions, name: str) -> Version:
    return versions.current() if name == "live" else versions.get(versions.resolve(name))


def _live(versions: Versions) -> Any:
    """Return the live document, None where there is none yet."""
    try:
        return versions.current().document
    except NotFound:
        return None


def _side(versions: Versions, name: str) -> Any:
    if name == "-":
        return _read(typer.get_binary_stream("stdin").read())
    path = Path(name)
    if name != "live" and path.is_file():
        return _read(path.read_bytes())
    return _find(versions, name).document


def _read(text: bytes) -> Any:
    try:
        return read_document(text).value
    except Unreadable as error:
        raise InvalidDocument([error.problem]) from None


def _expected(if_match: str | None) -> Expected:
    if if_match is None:
        return None
    special: dict[str, Expected] = {"*": SOME_VERSION, "none": NO_VERSION}
    return special.get(if_match, frozenset({if_match}))


def _when(kind: Kind, tenant: str, before: Any, published: Published) -> str:
    """Say when what was published is live."""
    if not published.changed:
        return "this is what is live already"
    if kind is not CONFIG:
        return "published; every host follows within a second"
    old = None if before is None else msgspec.json.encode(before)
    new, times = msgspec.json.encode(published.version.document), _times(tenant)
    return f"published; {when_live(old, new, times)}"


def _times(tenant: str) -> dict[str, float]:
    return load_times(Settings.from_environment().metrics_dir, tenant)


def _report(published: Published, when: str, *, as_json: bool) -> None:
    if as_json:
        print_json(_described(published.version) | {"changed": published.changed})
    else:
        out.print(published.version.etag)
    talk.print(when, markup=False)


def _described(version: Version) -> dict[str, Any]:
    return {key: value for key, value in version._asdict().items() if key not in {"id", "document"}}


def _columns(version: Version) -> tuple[object, ...]:
    mark = "*" if version.current else ""
    published = f"{version.created_at.astimezone():%Y-%m-%d %H:%M:%S}"
    return mark, version.etag[:12], published, version.created_by_sub, version.comment


def _show_difference(before: Any, after: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(json_patch(before, after))
        return
    lines = changed_lines(before, after)
    for line in lines:
        out.print(Text(line, style=_STYLES.get(line[:1], "")))
    if not lines:
        talk.print("no difference")
