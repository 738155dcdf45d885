"""What a host knows of its tenants, on its disk, so that a start without a database serves as the last run did."""

from __future__ import annotations

from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from recsys.whole_file import whole_file

T = TypeVar("T")

_log = structlog.get_logger()


class Kept:
    """Documents by name, one file each. What can not be written or read is not kept, and nothing fails for it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, document: object) -> None:
        """Keep a document in place of the one before."""
        path, text = self._path(name), msgspec.json.encode(document)
        try:
            if not path.exists() or path.read_bytes() != text:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                with whole_file(path) as file:
                    file.write(text)
        except OSError as error:
            _log.warning("not kept for a start without a database", what=self._folder.name, error=str(error))

    def get(self, name: str, kind: type[T]) -> T | None:
        """Return the document of a name, None if there is none that can be read."""
        with suppress(OSError, msgspec.MsgspecError):
            return msgspec.json.decode(self._path(name).read_bytes(), type=kind)
        return None

    def drop(self, name: str) -> None:
        """Forget the document of a name."""
        with suppress(OSError):
            self._path(name).unlink()

    def _path(self, name: str) -> Path:
        """Name the file; a name may hold any character."""
        return self._folder / f"{sha256(name.encode('utf-8', 'surrogatepass')).hexdigest()}.json"
