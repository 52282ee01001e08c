"""Files that are there whole or not at all, whenever the process that writes them may die."""

import os
from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file under another name, and give it its own when all of it is on disk.

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
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error


def append_whole(path: Path, content: bytes) -> None:
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
        except OSError as error:
            file.truncate(size)
            raise OSError(error.errno, error.strerror, str(path)) from error
