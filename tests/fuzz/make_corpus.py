"""Writes the images that image_fuzz.cpp damages: make_corpus.py, with Pillow."""

import io
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent / "corpus" / "image"


def image(mode, size=(19, 17)):
    channels = len(Image.new(mode, (1, 1)).getbands())
    y, x, c = np.meshgrid(np.arange(size[1]), np.arange(size[0]), np.arange(channels), indexing="ij")
    values = (x * 9 + y * 5 + c * 70 + (x * y) % 7).astype(np.uint8)
    return Image.fromarray(values if channels > 1 else values[:, :, 0], mode)


def main():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = {"exif": exif.tobytes()}
    files = {
        "444.jpg": (image("RGB"), "JPEG", {"subsampling": 0, "quality": 50}),
        "420.jpg": (image("RGB", (35, 20)), "JPEG", {"subsampling": 2, "quality": 50}),
        "progressive.jpg": (image("RGB"), "JPEG", {"progressive": True, "quality": 40}),
        "grey.jpg": (image("L"), "JPEG", {"quality": 60}),
        "cmyk.jpg": (image("CMYK"), "JPEG", {"quality": 40}),
        "restart.jpg": (image("RGB"), "JPEG", {"restart_marker_blocks": 2, "quality": 40}),
        "turned.jpg": (image("RGB"), "JPEG", {"quality": 40, **turned}),
        "rgb.png": (image("RGB"), "PNG", {}),
        "rgba.png": (image("RGBA"), "PNG", turned),
        "grey.png": (image("L"), "PNG", {}),
        "palette.png": (image("RGB").quantize(4), "PNG", {"bits": 2, "transparency": b"\x00\x80"}),
        "lossy.webp": (image("RGB"), "WebP", {"quality": 40}),
        "lossless.webp": (image("RGBA"), "WebP", {"lossless": True}),
        "alpha.webp": (image("RGBA"), "WebP", {"quality": 40, **turned}),
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, (picture, format, options) in files.items():
        stream = io.BytesIO()
        picture.save(stream, format, **options)
        (FOLDER / name).write_bytes(stream.getvalue())


if __name__ == "__main__":
    main()
