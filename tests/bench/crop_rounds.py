"""Random-area crops at 256 px by loader_bench and by others in turns: shared by torchvision_crops.py and webdataset_ffcv.py.

A contender is a function that takes nothing and returns images a second of CPU time.
"""

import functools
import json
import pathlib
import statistics
import subprocess

from torchvision import transforms
from torchvision.transforms import InterpolationMode

SIZE, BATCH, ROUNDS = 256, 64, 5


def jpeg_files(folder):
    return sorted(path for path in pathlib.Path(folder).rglob("*") if path.suffix.lower() in (".jpeg", ".jpg"))


def torchvision_pipeline():
    """From Pillow's image to a uint8 tensor."""
    return transforms.Compose([transforms.RandomResizedCrop(SIZE, interpolation=InterpolationMode.BICUBIC),
                               transforms.RandomHorizontalFlip(), transforms.PILToTensor()])


def loader_bench(program, shards, images):
    out = subprocess.run([program, "--data.shards", shards, "--data.crop", str(SIZE), "--data.augment", "random-area",
                          "--data.flip", "true", "--data.threads", "1", "--bench.rounds", "1", "--bench.images",
                          str(images), "--data.batch", str(BATCH)], check=True, capture_output=True, text=True).stdout
    return json.loads(out)["images_per_processor_s"]["ours"]


def medians_of_rounds(program, shards, images, others):
    """others: contenders by name. Returns the median speed of loader_bench and of each of them, by name."""
    contenders = {"loader_bench": functools.partial(loader_bench, program, shards, images), **others}
    rounds = [{name: contender() for name, contender in contenders.items()} for _ in range(ROUNDS)]
    return {name: statistics.median(speeds[name] for speeds in rounds) for name in contenders}
