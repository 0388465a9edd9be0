"""Trains one small student from each export of a distilled set and compares the losses of the first epoch.

    python train_exports.py SET EXPORTS [--epochs N] [--seed N]

SET is the distilled folder, EXPORTS holds a folder for each format, named like it (EXPORTS/parquet, …); those that are
absent are left out, and `sources` are other images. Each export is read by the library that it was made for, and reaches
the student as that library gives it: loaders of 8-bit images with torchvision's ToTensor and Normalize, DD-Ranking's
tensors as they are. Weights and the order of the batches are the same for all.

Formats that keep each pixel must give the loss of the set to its last digit; else this ends with 1. Those that can't
(scaled pages, and tensors of JPEG files, which stillroom decodes and Pillow decodes a little differently) state how far
they are. Needs torch, torchvision, pyarrow, datasets and webdataset; nothing is fetched.
"""

import argparse
import csv
import os
import sys
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"

import torch
from PIL import Image
from torch import nn
from torchvision import transforms

from read_exports import NORMALISATIONS, decoder_levels, normalisation, pixels, read_set

BATCH = 8


def student(classes, seed):
    """Three blocks of convolution, group norm, ReLU and pooling, and a linear layer."""
    torch.manual_seed(seed)
    layers, channels = [], 3
    for width in (16, 32, 64):
        layers += [nn.Conv2d(channels, width, 3, padding=1), nn.GroupNorm(4, width), nn.ReLU(), nn.AvgPool2d(2)]
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def losses(images, labels, classes, seed, epochs):
    """The mean loss of each epoch, over batches that the seed alone decides."""
    network = student(classes, seed)
    optimiser = torch.optim.SGD(network.parameters(), lr=0.05, momentum=0.9)
    order = torch.Generator().manual_seed(seed)
    means = []
    for _ in range(epochs):
        total = 0.0
        for batch in torch.randperm(len(images), generator=order).split(BATCH):
            loss = nn.functional.cross_entropy(network(images[batch]), labels[batch])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total += loss.item() * len(batch)
        means.append(total / len(images))
    return means


def stacked(rows, transform):
    """Images and labels as tensors, in the order in which the library gives them."""
    rows = [(transform(image), int(label)) for image, label in rows]
    return torch.stack([image for image, _ in rows]), torch.tensor([label for _, label in rows])


def image_folder(folder, transform):
    from torchvision.datasets import ImageFolder

    return stacked(ImageFolder(folder), transform)


def hugging_face_folder(folder, transform, cache):
    from datasets import load_dataset

    rows = load_dataset("imagefolder", data_dir=str(folder), split="train", cache_dir=cache)
    rows = sorted(rows, key=lambda row: (row["label"], row["source"]))
    return stacked(((row["image"].convert("RGB"), row["label"]) for row in rows), transform)


def parquet(folder, transform, cache):
    from datasets import load_dataset

    rows = load_dataset("parquet", data_files=str(folder / "data.parquet"), split="train", cache_dir=cache)
    return stacked(((row["image"].convert("RGB"), row["label"]) for row in rows), transform)


def web_dataset(folder, transform):
    import webdataset as wds

    shards = [str(p) for p in sorted(folder.glob("*.tar"))]
    rows = wds.WebDataset(shards, shardshuffle=False).decode("pil").to_tuple("png;jpg", "cls")
    return stacked(((image.convert("RGB"), label) for image, label in rows), transform)


def dd_ranking(folder):
    return torch.load(folder / "images.pt", weights_only=True), torch.load(folder / "labels.pt", weights_only=True)


def lic(folder, normalise):
    data = torch.load(folder / "data.pt", weights_only=True)
    return normalise(data["data"]), data["label"]


def contact_sheet(folder, transform, size):
    """The images cut out of their pages, at the set's size again where they were scaled; and whether none was."""
    pages = {p.name: Image.open(p).convert("RGB") for p in folder.glob("*.png")}
    with open(folder / "index.csv", newline="") as file:
        rows = list(csv.DictReader(file))

    def cut(row):
        x, y, width, height = (int(row[key]) for key in ("x", "y", "width", "height"))
        image = pages[row["page"]].crop((x, y, x + width, y + height))
        return image if image.size == size else image.resize(size, Image.Resampling.BILINEAR)

    images, labels = stacked(((cut(row), row["label"]) for row in rows), transform)
    return images, labels, all((int(row["width"]), int(row["height"])) == size for row in rows)


def read_exports(exports, due, cache):
    """Name, images, labels and whether each pixel is kept, of each export that is there; and the set's own."""
    mean, std = NORMALISATIONS["imagenet"]
    if (exports / "dd-ranking").is_dir():
        mean, std = normalisation(dd_ranking(exports / "dd-ranking")[0][0], due)
    normalise = transforms.Normalize(mean, std)
    transform = transforms.Compose([transforms.ToTensor(), normalise])
    height, width = due[0][0].shape[:2]
    yield "the set", *stacked(((Image.fromarray(pixels(f)), label) for f, label in zip(due[2], due[1])), transform), True
    decoded = decoder_levels(due) == 0
    readers = {
        "rded": lambda f: [("rded", *image_folder(f, transform), True)],
        "sre2l": lambda f: [("sre2l", *image_folder(f, transform), True)],
        "imagefolder": lambda f: [
            ("imagefolder", *image_folder(f, transform), True),
            ("imagefolder (datasets)", *hugging_face_folder(f, transform, cache), True),
        ],
        "parquet": lambda f: [("parquet", *parquet(f, transform, cache), True)],
        "webdataset": lambda f: [("webdataset", *web_dataset(f, transform), True)],
        "dd-ranking": lambda f: [("dd-ranking", *dd_ranking(f), decoded)],
        "lic": lambda f: [("lic", *lic(f, normalise), decoded)],
        "contact-sheet": lambda f: [sheet(f)],
    }

    def sheet(folder):
        images, labels, whole = contact_sheet(folder, transform, (width, height))
        return "contact-sheet", images, labels, whole and decoded

    for format, read in readers.items():
        if (exports / format).is_dir():
            yield from read(exports / format)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("set", type=Path)
    arguments.add_argument("exports", type=Path)
    arguments.add_argument("--epochs", type=int, default=1)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)
    due = read_set(given.set)
    if len({image.shape for image in due[0]}) > 1:
        sys.exit("the set's images differ in size: they can't be stacked")
    own, wrong = None, []
    with tempfile.TemporaryDirectory() as cache:
        for name, images, labels, lossless in read_exports(given.exports, due, cache):
            found = losses(images, labels, len(due[3]), given.seed, given.epochs)
            own = own or (found, images)
            line = f"{name}: loss {found[0]!r}"
            if lossless and found != own[0]:
                wrong.append(name)
                line += f", not the set's {own[0][0]!r}"
            elif not lossless:
                values = (images - own[1]).abs()
                line += f", {found[0] - own[0][0]:+.3e} from the set's: values differ by up to {values.max():.4f}, "
                line += f"by {values.mean():.5f} in the mean, in units of the standard deviation"
            print(line)
    if wrong:
        sys.exit(f"other losses than the set's: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
