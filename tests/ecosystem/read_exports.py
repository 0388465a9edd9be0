"""Reads the exports of a distilled set, each with the libraries that it was made for, and compares them with the set.

    python read_exports.py SET EXPORTS [DATA]

SET is the distilled folder, EXPORTS holds a folder for each format, named like it (EXPORTS/parquet, …); those that are
absent are left out. DATA is the dataset that the set was made from, for `sources`. Needs torch, torchvision, pyarrow,
datasets and webdataset; nothing is fetched.
"""

import csv
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"

import numpy as np
from PIL import Image

# Images of DD-Ranking's constants are back at their levels after rounding.
NORMALISATIONS = {
    "imagenet": ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    "cifar": ([0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]),
}
# Decoders of JPEG round differently: a format that holds pixels has stillroom's, not Pillow's.
JPEG_LEVELS = 4
SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff"}


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def read_set(folder):
    """Images and labels of the set, by class, then by name; and the names of its classes."""
    classes = sorted(p for p in folder.iterdir() if p.is_dir())
    images = [(label, f) for label, c in enumerate(classes) for f in sorted(c.iterdir()) if f.suffix in SUFFIXES]
    entries = folder / "classes.json"
    names = [c.name for c in classes]
    if entries.is_file():
        known = {e["folder"]: e.get("title") or e["name"] for e in json.loads(entries.read_text())}
        names = [known.get(name, name) for name in names]
    return [pixels(f) for _, f in images], [label for label, _ in images], [f for _, f in images], names


def decoder_levels(due):
    return JPEG_LEVELS if any(f.suffix in (".jpg", ".jpeg") for f in due[2]) else 0


def same(format, images, labels, due, levels=0):
    due_images, due_labels, _, _ = due
    assert list(labels) == due_labels, f"{format}: labels {labels} instead of {due_labels}"
    assert len(images) == len(due_images), f"{format}: {len(images)} images"
    for at, (image, wanted) in enumerate(zip(images, due_images)):
        assert image.shape == wanted.shape, f"{format}: image {at} has another size"
        greatest = np.abs(image.astype(int) - wanted).max()
        assert greatest <= levels, f"{format}: image {at} differs by {greatest} levels"


def image_folder(format, folder, due):
    from torchvision.datasets import ImageFolder

    data = ImageFolder(folder)
    same(format, [np.asarray(image) for image, _ in data], [label for _, label in data], due)


def hugging_face_folder(format, folder, due, cache):
    from datasets import load_dataset

    data = load_dataset("imagefolder", data_dir=str(folder), split="train", cache_dir=cache)
    rows = sorted(data, key=lambda row: (row["label"], row["source"]))
    same(format, [np.asarray(row["image"].convert("RGB")) for row in rows], [row["label"] for row in rows], due)
    assert [row["class"] for row in rows] == [due[3][row["label"]] for row in rows], format


def parquet(folder, due, cache):
    import pyarrow.parquet as pq
    from datasets import ClassLabel, Image as ImageFeature, load_dataset

    file = folder / "data.parquet"
    table = pq.read_table(file)
    files = [row["bytes"] for row in table["image"].to_pylist()]
    assert files == [f.read_bytes() for f in due[2]], "parquet: other bytes"
    data = load_dataset("parquet", data_files=str(file), split="train", cache_dir=cache)
    assert isinstance(data.features["image"], ImageFeature), data.features
    assert isinstance(data.features["label"], ClassLabel), data.features
    if len(set(due[3])) == len(due[3]):
        assert data.features["label"].names == due[3], data.features["label"].names
    same("parquet", [np.asarray(image.convert("RGB")) for image in data["image"]], data["label"], due)


def web_dataset(folder, due):
    import webdataset as wds

    shards = [str(p) for p in sorted(folder.glob("*.tar"))]
    data = wds.WebDataset(shards, shardshuffle=False).decode("pil").to_tuple("png;jpg", "cls", "json")
    rows = list(data)
    same("webdataset", [np.asarray(image.convert("RGB")) for image, _, _ in rows], [cls for _, cls, _ in rows], due)
    assert [row["label"] for _, _, row in rows] == due[1]


def tensors(format, images, labels, due, mean, std):
    import torch

    assert images.dtype == torch.float32 and labels.dtype == torch.int64, (images.dtype, labels.dtype)
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (mean, std))
    levels = (images * std + mean) * 255
    rounded = levels.round()
    assert (levels - rounded).abs().max() < 0.01, f"{format}: values between levels"
    images = list(rounded.permute(0, 2, 3, 1).to(torch.uint8).numpy())
    same(format, images, labels.tolist(), due, decoder_levels(due))


def normalisation(first, due):
    """Mean and standard deviation that make the set's first image into `first`, as torchvision computes it."""
    import torch
    from torchvision.transforms import functional

    for mean, std in NORMALISATIONS.values():
        expected = functional.normalize(functional.to_tensor(due[0][0].copy()), mean, std)
        levels = (expected - first) * torch.tensor(std).view(3, 1, 1) * 255
        if levels.abs().max() < decoder_levels(due) + 0.01:
            return mean, std
    raise AssertionError("dd-ranking: no known normalisation gives the values of torchvision")


def dd_ranking(folder, due):
    import torch

    images = torch.load(folder / "images.pt", weights_only=True)
    labels = torch.load(folder / "labels.pt", weights_only=True)
    mean, std = normalisation(images[0], due)
    tensors("dd-ranking", images, labels, due, mean, std)


def lic(folder, due):
    import torch

    data = torch.load(folder / "data.pt", weights_only=True)
    assert sorted(data) == ["data", "dataset", "label"] and isinstance(data["dataset"], str), data.keys()
    tensors("lic", data["data"], data["label"], due, [0.0] * 3, [1.0] * 3)


def contact_sheet(folder, due):
    pages = {p.name: pixels(p) for p in folder.glob("*.png")}
    assert all(max(page.shape) <= 8192 for page in pages.values())
    with open(folder / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["label"]) for row in rows] == due[1]
    for row, wanted in zip(rows, due[0]):
        x, y, width, height = (int(row[key]) for key in ("x", "y", "width", "height"))
        shown = pages[row["page"]][y : y + height, x : x + width]
        assert shown.shape == (height, width, 3), row
        if shown.shape == wanted.shape:
            assert np.abs(shown.astype(int) - wanted).max() <= decoder_levels(due), row


def sources(folder, due, data):
    from torchvision.datasets import ImageFolder

    images = ImageFolder(folder)
    rows = [json.loads(line) for line in (folder / "metadata.jsonl").read_text().splitlines()]
    files = {str(Path(path).relative_to(folder)): label for path, label in images.samples}
    assert files == {row["file_name"]: row["label"] for row in rows}
    if data:
        for row in rows:
            assert (folder / row["file_name"]).read_bytes() == (data / row["source"]).read_bytes(), row


def main():
    folder, exports = Path(sys.argv[1]), Path(sys.argv[2])
    data = Path(sys.argv[3]) if len(sys.argv) > 3 else None
    due = read_set(folder)
    with tempfile.TemporaryDirectory() as cache:
        read_all(exports, due, data, cache)


def read_all(exports, due, data, cache):
    readers = {
        "rded": [lambda f: image_folder("rded", f, due)],
        "sre2l": [lambda f: image_folder("sre2l", f, due)],
        "imagefolder": [
            lambda f: image_folder("imagefolder", f, due),
            lambda f: hugging_face_folder("imagefolder", f, due, cache),
        ],
        "parquet": [lambda f: parquet(f, due, cache)],
        "webdataset": [lambda f: web_dataset(f, due)],
        "dd-ranking": [lambda f: dd_ranking(f, due)],
        "lic": [lambda f: lic(f, due)],
        "contact-sheet": [lambda f: contact_sheet(f, due)],
        "sources": [lambda f: sources(f, due, data)],
    }
    for format, read in readers.items():
        if (exports / format).is_dir():
            for reader in read:
                reader(exports / format)
            print(f"{format}: {len(due[0])} images of {len(due[3])} classes")


if __name__ == "__main__":
    main()
