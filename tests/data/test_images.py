"""Images from files: read as pillow does, from folders, tables and single files, and told apart from what is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from likelihead import LikelihoodError
from likelihead.data import encode_table, load_data
from likelihead.data.sources import read_again
from likelihead.data.tables.encoder import TableEncoder

GENERATOR = np.random.default_rng(0)


def save(path: Path, mode: str = "L", size: tuple[int, int] = (6, 5)) -> Path:
    """A random image; `size` is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
    Image.fromarray(GENERATOR.integers(0, 256, shape, dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(24):
        save(tmp_path / "photos" / ("cat", "dog")[number % 2] / f"{number:02}.png")
    return tmp_path / "photos"


def load(path: Path, family: str = "bernoulli", **options: object) -> object:
    return load_data(family, {"kind": "images", "path": str(path), **options}, seed=0)


def test_a_folder_for_each_class(photos: Path) -> None:
    data = load_data("bernoulli", {"kind": "images", "path": str(photos)}, seed=0)
    assert data.train.x.shape[1:] == (1, 5, 6) and data.train.x.dtype == torch.float32
    files = sorted(photos.rglob("*.png"))
    assert data.encoder is not None and data.encoder.target.columns.labels == ["cat", "dog"]  # type: ignore[union-attr]
    pixels = np.stack([np.asarray(Image.open(file), dtype=np.float64) for file in files])
    train = pixels[data.train.rows]
    expected = (pixels - train.mean()) / train.std()
    for part in data.parts.values():
        np.testing.assert_allclose(part.x[:, 0].numpy(), expected[part.rows], atol=1e-5)
        assert part.y is not None
        assert part.y.tolist() == [float(files[row].parent.name == "dog") for row in part.rows]


def test_colours_come_first(tmp_path: Path) -> None:
    for number in range(8):
        save(tmp_path / "a" / "ab"[number % 2] / f"{number}.png", "RGB")
    data = load_data("bernoulli", {"kind": "images", "path": str(tmp_path / "a")}, seed=0)
    assert data.train.x.shape[1:] == (3, 5, 6)
    grey = load_data("bernoulli", {"kind": "images", "path": str(tmp_path / "a"), "channels": 1}, seed=0)
    assert grey.train.x.shape[1:] == (1, 5, 6)


def test_images_are_scaled_as_pillow_does(photos: Path) -> None:
    save(photos / "cat" / "large.png", size=(12, 9))
    data = load_data("bernoulli", {"kind": "images", "path": str(photos), "size": [4, 3]}, seed=0)
    assert data.train.x.shape[1:] == (1, 4, 3) and data.encoder is not None
    frame = read_again(data.encoder, photos / "cat" / "large.png")
    with Image.open(photos / "cat" / "large.png") as image:
        expected = np.asarray(image.resize((3, 4), Image.Resampling.BILINEAR))
    assert np.array_equal(frame["image"][0][0], expected)


def test_a_table_names_images_and_their_targets(tmp_path: Path) -> None:
    for number in range(20):
        save(tmp_path / "pictures" / f"{number}.png")
    table = pd.DataFrame({"picture": [f"{number}.png" for number in range(20)], "weight": range(20), "other": "x"})
    table.to_csv(tmp_path / "pictures" / "table.csv", index=False)
    options = {"kind": "images", "path": str(tmp_path / "pictures" / "table.csv"), "file": "picture"}
    data = load_data("normal", {**options, "target": "weight"}, seed=0)
    assert data.train.x.shape[1:] == (1, 5, 6) and data.train.y is not None
    assert data.train.y.tolist() == data.train.rows.tolist()


def test_a_table_may_name_the_classes_of_all_pixels(tmp_path: Path) -> None:
    masks = GENERATOR.integers(0, 3, (20, 5, 6)).astype(np.uint8)
    for number in range(20):
        save(tmp_path / f"{number}.png")
        Image.fromarray(masks[number]).save(tmp_path / f"mask{number}.png")
    names = {"file": [f"{k}.png" for k in range(20)], "mask": [f"mask{k}.png" for k in range(20)]}
    pd.DataFrame(names).to_csv(tmp_path / "table.csv", index=False)
    options = {"kind": "images", "path": str(tmp_path / "table.csv"), "target": "mask"}
    data = load_data("categorical", options, seed=0)
    assert data.train.y is not None and data.class_count == 3
    assert np.array_equal(data.train.y.numpy(), masks[data.train.rows])


def test_new_images_are_encoded_as_those_of_training(photos: Path) -> None:
    data = load_data("bernoulli", {"kind": "images", "path": str(photos)}, seed=0)
    assert data.encoder is not None
    encoder = TableEncoder.from_state(data.encoder.state())
    again = encode_table(read_again(encoder, photos), encoder)
    assert torch.equal(again.x[data.test.rows], data.test.x)
    alone = encode_table(read_again(encoder, photos / "dog"), encoder, "optional")
    assert alone.y is None and len(alone) == 12


def test_a_test_folder(photos: Path, tmp_path: Path) -> None:
    save(tmp_path / "new" / "dog" / "1.png")
    data = load_data("bernoulli", {"kind": "images", "path": str(photos), "test_path": str(tmp_path / "new")}, seed=0)
    assert len(data.test) == 1 and data.test.y is not None and data.test.y.item() == 1.0


def mixed_sizes(photos: Path) -> None:
    save(photos / "cat" / "large.png", size=(12, 9))


def damaged(photos: Path) -> None:
    (photos / "cat" / "00.png").write_bytes((photos / "cat" / "00.png").read_bytes()[:40])


def no_image(photos: Path) -> None:
    (photos / "cat" / "00.png").write_text("no image")


def loose(photos: Path) -> None:
    save(photos / "loose.png")


FAULTS = {
    mixed_sizes: r"give data.size=\[height,width\] to scale them",
    damaged: "cannot be read as an image",
    no_image: "cannot be read as an image",
    loose: "'loose.png' beside them: move it",
}


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__)
def test_faults_are_told_in_a_sentence(spoil: object, photos: Path) -> None:
    spoil(photos)  # type: ignore[operator]
    with pytest.raises(LikelihoodError, match=FAULTS[spoil]) as caught:  # type: ignore[index]
        load(photos)
    assert "\n" not in str(caught.value)


def test_missing_things_are_told_in_a_sentence(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(LikelihoodError, match="no images are named"):
        load_data("bernoulli", {"kind": "images"}, seed=0)
    with pytest.raises(LikelihoodError, match="there is no file or folder"):
        load(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(LikelihoodError, match=r"holds no files that end in .png"):
        load(tmp_path / "empty")
    with pytest.raises(LikelihoodError, match="put the images into a subfolder for each class"):
        load(photos / "cat")
    with pytest.raises(LikelihoodError, match=r"data.channels is 2"):
        load(photos, channels=2)
    with pytest.raises(LikelihoodError, match=r"must be \[height,width\]"):
        load(photos, size=[4])
    pd.DataFrame({"file": ["gone.png"], "y": [1]}).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(LikelihoodError, match="there is no image"):
        load(tmp_path / "table.csv", target="y")


def test_images_must_be_the_only_input(tmp_path: Path) -> None:
    for number in range(4):
        save(tmp_path / f"{number}.png")
    frame = {"file": [f"{k}.png" for k in range(4)], "age": range(4), "y": [0, 1, 0, 1]}
    pd.DataFrame(frame).to_csv(tmp_path / "table.csv", index=False)
    with pytest.raises(LikelihoodError, match=r"there is 'age' too: give data.features=\[image\]"):
        load(tmp_path / "table.csv", target="y", features=["image", "age"])
