"""Converts a folder of images as data_prep does, with Pillow: decodes, cuts the middle square, resizes by boxes.

Usage: pillow_convert.py FOLDER SIZE
"""
import pathlib
import sys

from PIL import Image

ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}

folder, size = pathlib.Path(sys.argv[1]), int(sys.argv[2])
for path in sorted(folder.rglob("*")):
    if path.suffix.lower() not in ENDINGS:
        continue
    image = Image.open(path).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image.crop((left, top, left + side, top + side)).resize((size, size), Image.BOX).tobytes()
