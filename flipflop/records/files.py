"""Files that are there whole or not at all, whenever the process that writes them may die."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path


def checksum(content: bytes) -> str:
    """16 hexadecimal digits that tell damage from what was written; no protection against forgery."""
    return hashlib.sha256(content).hexdigest()[:16]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under another name, NAME.PROCESS.part, and give it its own when all of it is on disk.

    Raises:
        OSError: it cannot be written; what stood there before still does. It names the file.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")  # a process's own: another may write the same file
    try:
        with unfinished.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except BaseException as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def append_atomically(path: Path, content: bytes) -> None:
    """Add to the end of a file.

    Raises:
        OSError: it cannot be written; the file is as long as it was. It names the file.
    """
    with path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            written = 0
            while written < len(content):
                written += file.write(content[written:])
            os.fsync(file.fileno())
        except BaseException as error:
            with suppress(OSError):
                file.truncate(size)
            if isinstance(error, OSError):
                raise OSError(error.errno, error.strerror, str(path)) from error
            raise
