"""Random-area crops at 256 px by torchvision's pipeline, images a second of CPU time, by turns with loader_bench.

    torchvision_crops.py build/release/bin/loader_bench FOLDER SHARDS

FOLDER has the JPEG files, SHARDS the data set that `data_prep shard --store original` made of them. The pipeline is ImageFolder's:
Pillow opens and converts to RGB, RandomResizedCrop(256, bicubic), flip, a uint8 tensor. Image by image in this process, and as
PyTorch's DataLoader hands over batches of 64 from one worker. Needs torch, torchvision and Pillow.
"""

import json
import pathlib
import resource
import sys
import time

import torch
from PIL import Image
from torch.utils.data import DataLoader

from crop_rounds import BATCH, jpeg_files, medians_of_rounds, torchvision_pipeline


class Crops:
    """A data set of crops of files."""

    def __init__(self, files):
        self.files = files
        self.pipeline = torchvision_pipeline()

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        with self.files[index].open("rb") as file:
            return self.pipeline(Image.open(file).convert("RGB"))


def seconds_of_processes():
    """CPU time of this process and of those that it started and that have ended."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + ended.ru_utime + ended.ru_stime


def speed(images, count):
    start = seconds_of_processes()
    for _ in images:
        pass
    return count / (seconds_of_processes() - start)


def main():
    bench, folder, shards = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    crops = Crops(jpeg_files(folder))
    torch.set_num_threads(1)
    others = {
        "alone": lambda: speed((crops[i] for i in range(len(crops))), len(crops)),
        # The worker ends with the last batch.
        "loader": lambda: speed(DataLoader(crops, batch_size=BATCH, shuffle=True, num_workers=1), len(crops)),
    }
    found = medians_of_rounds(bench, shards, len(crops), others)
    print(json.dumps(found | {"ratios": {name: found["loader_bench"] / found[name] for name in others}}))


if __name__ == "__main__":
    main()
