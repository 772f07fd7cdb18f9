"""Files that are whole or absent."""

import pytest

from captioning.storage import files


def test_state_files_that_are_no_json_are_named(tmp_path):
    for raw in (b"\xff", b"[" * 200_000, b'{"a": 1, "a": 2}', b"NaN"):
        (tmp_path / "state.json").write_bytes(raw)
        with pytest.raises(ValueError, match=r"state\.json is not a state.*Delete it"):
            files.read_json(tmp_path / "state.json", "a state")
