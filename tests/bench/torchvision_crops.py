"""Random-area crops at 256 px by torchvision's pipeline, images a second of CPU time in one thread, by turns with loader_bench.

    torchvision_crops.py build/release/bin/loader_bench FOLDER SHARDS

FOLDER has the JPEG files, SHARDS the data set that `data_prep shard --store original` made of them. The pipeline is ImageFolder's:
Pillow opens and converts to RGB, RandomResizedCrop(256, bicubic), flip, a uint8 tensor. Needs torch, torchvision and Pillow.
"""

import json
import pathlib
import statistics
import subprocess
import sys
import time

import torch
from PIL import Image
from torchvision import transforms
from torchvision.transforms import InterpolationMode


def main():
    bench, folder, shards = sys.argv[1:4]
    files = sorted(path for path in pathlib.Path(folder).rglob("*") if path.suffix.lower() in (".jpeg", ".jpg"))
    torch.set_num_threads(1)
    pipeline = transforms.Compose([transforms.RandomResizedCrop(256, interpolation=InterpolationMode.BICUBIC),
                                   transforms.RandomHorizontalFlip(), transforms.PILToTensor()])
    ours, theirs = [], []
    for _ in range(5):
        start = time.process_time()
        for path in files:
            with path.open("rb") as file:
                pipeline(Image.open(file).convert("RGB"))
        theirs.append(len(files) / (time.process_time() - start))
        out = subprocess.run([bench, "--data.shards", shards, "--data.crop", "256", "--data.augment", "random-area",
                              "--data.flip", "true", "--data.threads", "1", "--bench.rounds", "1", "--bench.images",
                              str(len(files)), "--data.batch", "64"], check=True, capture_output=True, text=True).stdout
        ours.append(json.loads(out)["images_per_processor_s"]["ours"])
    found = {"loader_bench": statistics.median(ours), "torchvision": statistics.median(theirs)}
    print(json.dumps(found | {"ratio": found["loader_bench"] / found["torchvision"]}))


if __name__ == "__main__":
    main()
