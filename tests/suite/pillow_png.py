#!/usr/bin/env python3
"""Copies of a folder of images as PNG files, decoded by Pillow, to compare accuracies on equal pixels.

Run by hand (needs pillow):   pillow_png.py DATA/cifar10/test COPY/test
then                          stillroom evaluate --data COPY --network ../shared/weights/resnet20-12fca82f.th
Top-1 must lie within 0.04 points of PyTorch's in ../shared/weights/README.md.
"""
import sys
from pathlib import Path

from PIL import Image

source, target = Path(sys.argv[1]), Path(sys.argv[2])
for file in sorted(p for p in source.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg")):
    copy = (target / file.relative_to(source)).with_suffix(".png")
    copy.parent.mkdir(parents=True, exist_ok=True)
    Image.open(file).convert("RGB").save(copy)
