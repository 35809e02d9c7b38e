"""Makes image files of many kinds, and writes how Pillow decodes them.

codec_reference.py FOLDER: writes FOLDER/<name>.file, .rgb and .grey (raw pixels) for each case, those whose .file is
there already included, and FOLDER/index: name, width, height, alpha, exif and cmyk of each.
codec_reference.py --sums FILE...: prints the CRC-32 of each file's pixels as RGB and as grey.
"""

import io
import struct
import sys
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

WIDTH, HEIGHT = 83, 61


def picture(channels, width=WIDTH, height=HEIGHT):
    """Smooth shapes with noise, so that neighbours differ and each place is its own."""
    random = np.random.default_rng(channels)
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    values = 128 + 90 * np.sin((x + 31 * c) / 7.0) * np.cos((y - 17 * c) / 9.0) + random.normal(0, 20, x.shape)
    return np.clip(values, 0, 255).astype(np.uint8)


def image(mode, **size):
    channels = picture(len(Image.new(mode, (1, 1)).getbands()), **size)
    return Image.fromarray(channels[:, :, 0] if channels.shape[2] == 1 else channels, mode)


def encoded(picture, format, **options):
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


def orientation(value):
    exif = Image.Exif()
    exif[0x0112] = value
    exif[0x010F] = "a camera"
    return exif.tobytes()


def over_white(picture):
    rgba = np.asarray(picture.convert("RGBA")).astype(np.int32)
    mixed = (rgba[:, :, :3] * rgba[:, :, 3:] + 255 * (255 - rgba[:, :, 3:]) + 127) // 255
    return Image.fromarray(mixed.astype(np.uint8), "RGB")


def pillow(data, alpha="drop", exif="ignore", cmyk="pillow"):
    """The image as RGB."""
    decoded = Image.open(io.BytesIO(data))
    if exif == "apply":
        decoded = ImageOps.exif_transpose(decoded)
    if decoded.mode == "I;16":  # Pillow clips at 255
        decoded = Image.fromarray((np.asarray(decoded) >> 8).astype(np.uint8), "L")
    if cmyk == "ink":
        decoded = decoded.point(lambda value: 255 - value)
    return over_white(decoded) if alpha == "white" else decoded.convert("RGB")


def jpegs():
    for progressive in False, True:
        way = "progressive" if progressive else "baseline"
        for name, sampling in ("444", 0), ("422", 1), ("420", 2):
            yield f"jpeg-{way}-{name}", encoded(image("RGB"), "JPEG", subsampling=sampling, progressive=progressive)
        yield f"jpeg-{way}-grey", encoded(image("L"), "JPEG", progressive=progressive)
        yield f"jpeg-{way}-cmyk", encoded(image("CMYK"), "JPEG", progressive=progressive)
        yield f"jpeg-{way}-restart", encoded(image("RGB"), "JPEG", progressive=progressive, restart_marker_blocks=3)
        large = image("RGB", width=331, height=277)
        yield f"jpeg-{way}-large", encoded(large, "JPEG", subsampling=2, progressive=progressive, quality=60)
    for width, height in (1, 1), (2, 1), (1, 3), (3, 2), (5, 40), (40, 5), (16, 16), (17, 33):
        yield f"jpeg-{width}x{height}", encoded(image("RGB", width=width, height=height), "JPEG", subsampling=2)
    yield "jpeg-garbage", encoded(image("RGB"), "JPEG") + b"garbage after the end \xff\xd8\xff\xd9"


def pngs():
    for mode in "1", "L", "LA", "RGB", "RGBA":
        yield f"png-{mode}", encoded(image("L").convert("1") if mode == "1" else image(mode), "PNG")
    for bits in 1, 2, 4, 8:
        palette = image("RGB").quantize(2**bits)
        yield f"png-palette-{bits}", encoded(palette, "PNG", bits=bits)
        clear = bytes((255, 0, 128, 7) * 4)[: 2**bits]
        yield f"png-palette-{bits}-clear", encoded(palette, "PNG", bits=bits, transparency=clear)
    yield "png-L-clear", encoded(image("L"), "PNG", transparency=int(picture(1)[3, 4, 0]))
    yield "png-RGB-clear", encoded(image("RGB"), "PNG", transparency=tuple(picture(3)[3, 4].tolist()))
    yield "png-animated", encoded(image("RGB"), "PNG", save_all=True, append_images=[image("RGB").rotate(90)])


def webps():
    for mode in "RGB", "RGBA":
        for lossless in False, True:
            name = f"webp-{mode}-{'lossless' if lossless else 'lossy'}"
            yield name, encoded(image(mode), "WebP", lossless=lossless)
    for width, height in (1, 1), (3, 2), (129, 70):
        yield f"webp-{width}x{height}", encoded(image("RGB", width=width, height=height), "WebP")


def turned():
    """(name, file) of each orientation, sound and not."""
    kinds = (("JPEG", {"subsampling": 2}), ("PNG", {}), ("WebP", {"lossless": True}))
    for format, options in kinds:
        for value in range(10):
            yield f"exif-{format}-{value}", encoded(image("RGB"), format, exif=orientation(value), **options)
    big = orientation(6)[6:]
    assert big.startswith(b"MM")
    little = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, 0x0112, 3, 1, 6, 0, 0)
    yield "exif-JPEG-little", encoded(image("RGB"), "JPEG", exif=b"Exif\0\0" + little)
    late = encoded(image("RGB"), "PNG")
    chunk = b"eXIf" + big
    late = late[:-12] + struct.pack(">I", len(big)) + chunk + struct.pack(">I", zlib.crc32(chunk)) + late[-12:]
    yield "exif-PNG-late", late


def write(folder):
    index = []

    def add(name, data, **options):
        rgb = pillow(data, **options)
        (folder / f"{name}.file").write_bytes(data)
        (folder / f"{name}.rgb").write_bytes(rgb.tobytes())
        (folder / f"{name}.grey").write_bytes(rgb.convert("L").tobytes())
        policies = [options.get(key, default) for key, default in
                    (("alpha", "drop"), ("exif", "ignore"), ("cmyk", "pillow"))]
        index.append("\t".join([name, str(rgb.width), str(rgb.height), *policies]))

    for path in sorted(folder.glob("*.file")):
        add(path.stem, path.read_bytes())
    for name, data in [*jpegs(), *pngs(), *webps()]:
        add(name, data)
        if not name.startswith("jpeg"):
            add(name + "-white", data, alpha="white")
        if "cmyk" in name:
            add(name + "-ink", data, cmyk="ink")
    for name, data in turned():
        add(name + "-ignored", data)
        add(name, data, exif="apply")
    (folder / "index").write_text("\n".join(index) + "\n")


def main(arguments):
    if arguments[0] != "--sums":
        return write(Path(arguments[0]))
    for path in arguments[1:]:
        decoded = Image.open(path)
        print(zlib.crc32(decoded.convert("RGB").tobytes()), zlib.crc32(decoded.convert("L").tobytes()))


if __name__ == "__main__":
    main(sys.argv[1:])
