"""Write files so that a crash at any moment leaves either the old content or the new, never a part of it."""

import hashlib
import os
from contextlib import suppress
from pathlib import Path


def checksum(content: bytes) -> str:
    """Return 16 hexadecimal digits that reveal accidental damage; they are no protection against forgery."""
    return hashlib.sha256(content).hexdigest()[:16]


def write_atomically(path: Path, content: bytes) -> None:
    """Write a temporary file, NAME.PROCESS_ID.part, and rename it to `path` once all of it is on disk.

    Raises:
        OSError: the file cannot be written. Earlier content of `path` is unchanged, and the error names `path`.
    """
    # The process id keeps two processes that write the same file apart.
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def append_atomically(path: Path, content: bytes) -> None:
    """Append to a file, or leave it as it was.

    Raises:
        OSError: the file cannot be written. It is cut back to its earlier length, and the error names `path`.
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
