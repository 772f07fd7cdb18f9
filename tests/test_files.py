"""A file is whole under its name or absent, whatever comes between."""

import files


def test_a_file_is_on_the_disk_before_it_is_renamed(tmp_path, renames):
    """Else a power cut could leave the name with nothing behind it."""
    files.write_text(tmp_path / "a.txt", "text")
    assert renames == {tmp_path / "a.txt": True}


def test_all_files_of_a_folder_are_on_the_disk_before_it_is_renamed(tmp_path, renames):
    with files.written_aside(tmp_path / "folder") as aside:
        (aside / "inner").mkdir(parents=True)
        for name in ("a.txt", "b.txt", "inner/c.txt"):
            (aside / name).write_text(name)
    assert renames == {tmp_path / "folder": True}
