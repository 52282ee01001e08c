"""Files that are written completely or not at all."""

import pytest

from flipflop.records.files import append_atomically, write_atomically


def test_whole_files(tmp_path):
    """A file gets its whole content in one step, replaces an earlier one, and no temporary file stays."""
    path = tmp_path / "file"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    append_atomically(path, b", third")
    assert path.read_bytes() == b"second, third"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("write", [write_atomically, append_atomically])
def test_what_cannot_be_written(tmp_path, monkeypatch, write):
    """A full disk leaves the earlier content, and the error names the file."""

    def full(_):
        raise OSError(28, "No space left on device")

    path = tmp_path / "file"
    path.write_bytes(b"earlier")
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left on device") as error:
        write(path, b"later")
    assert error.value.filename == str(path)
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]
