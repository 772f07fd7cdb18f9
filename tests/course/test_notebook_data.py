"""The solved notebook with broken photos, and with next to no photos: each cell works, or says what it needs."""

import json
import zipfile
from copy import deepcopy

import nbformat
import pytest
from PIL import Image

from captioning.datasets.drawn.world import render_dataset
from course import build
from tests.helpers.notebooks import execute, outputs, quick, text_of


@pytest.fixture
def world_with_broken_photos(tmp_path):
    """Folder of a drawn world of 20 + 8 scenes, in which the first photo of each split is cut short."""
    render_dataset(tmp_path, n_train=20, n_val=8, workers=1, progress=False)
    for split in ("train2014.zip", "val2014.zip"):
        with zipfile.ZipFile(tmp_path / split) as whole:
            photos = {name: whole.read(name) for name in sorted(whole.namelist())}
        first = min(photos)
        photos[first] = photos[first][:200]
        with zipfile.ZipFile(tmp_path / split, "w") as broken:
            for name, raw in photos.items():
                broken.writestr(name, raw)
    return tmp_path


def test_each_cell_can_be_run_twice_also_with_broken_photos(project, world_with_broken_photos):
    """A learner goes back and runs a cell again: nothing that it needs is gone, and the points stay."""
    copy, _ = project
    twice = quick(build.build())
    twice.cells = [deepcopy(cell) for cell in twice.cells for _ in range(2) if cell.cell_type == "code"]
    for number, cell in enumerate(twice.cells):
        cell.id = f"twice-{number:03d}"
    nbformat.write(twice, copy / "twice.ipynb")
    process, notebook = execute(project, "twice.ipynb", CAPTION_DATA_DIR=str(world_with_broken_photos))
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-2000:]
    said = "".join(output.text for output in outputs(notebook) if output.get("name") == "stderr")
    assert said.count("1 of 20 photos") == said.count("1 of 8 photos") == 2
    grades = json.loads((copy / "outputs" / "grades.json").read_text())
    assert [part["points"] for part in grades["parts"]] == [10, 10, 10, 20, 20, 0]


@pytest.mark.parametrize("caption", [pytest.param("a cat", marks=pytest.mark.slow), "cat"])
def test_with_one_photo_to_learn_from_and_one_to_validate_on_each_cell_works_or_says_what_it_needs(
        project, tmp_path, caption):
    for name in ("a.jpg", "b.jpg"):
        Image.new("RGB", (40, 30), "teal").save(tmp_path / name)
    (tmp_path / "captions.csv").write_text("image,caption\n" + f"a.jpg,{caption}\nb.jpg,{caption}\n" * 5)
    nbformat.write(quick(build.build()), project[0] / "smallest.ipynb")
    process, notebook = execute(project, "smallest.ipynb", CAPTION_DATA_DIR=str(tmp_path), CAPTION_EPOCHS="1")
    failed = [output for output in outputs(notebook) if output.output_type == "error"]
    assert [error.evalue for error in failed] == ["Good and bad examples need at least two photos, but there is one. "
                                                  "Validate on more photos."]
    assert process.returncode == 1 and "CIDEr" in text_of(notebook)
