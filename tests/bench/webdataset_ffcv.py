"""Random-area crops at 256 px by webdataset and by FFCV, images a second of CPU time on one core, by turns with loader_bench.

    webdataset_ffcv.py build/release/bin/loader_bench FOLDER SHARDS [--against webdataset ffcv]

FOLDER has the JPEG files, SHARDS the data set that `data_prep shard --store original` made of them. Tar shards and a .beton file
are made of FOLDER first, in a temporary folder. The process and all it starts are bound to one core; time is that of all threads.

webdataset: its README's pipeline in this process, without the cost of passing batches between workers: tar shards of the files as
they are, shuffled, Pillow, then torchvision_crops.py's RandomResizedCrop(256, bicubic), flip and uint8 tensor, batches of 64.
ffcv: RandomResizedCropRGBImageDecoder and RandomHorizontalFlip in one worker. Its writer encodes pixels again, here with its
default quality of 90. It decodes whole images with libjpeg-turbo's fast DCT, and resizes by OpenCV's INTER_AREA, not bicubic.

Prints the medians, and how many times as fast as each of them loader_bench is. Needs torch, torchvision and Pillow, webdataset
(tried: 1.0.2) and for ffcv `pip install ffcv==1.0.2`, which compiles: Debian's g++, pkg-config, libopencv-dev, libturbojpeg0-dev.
"""

import argparse
import itertools
import json
import os
import pathlib
import tempfile
import time

import numpy as np
import torch
from PIL import Image

from crop_rounds import BATCH, SIZE, jpeg_files, medians_of_rounds, torchvision_pipeline

WARM_UP = 10  # batches before the clock starts: FFCV then has used each of its five buffers twice
PASSES = 4  # over the files, in a round


def batches_of(images):
    return -(-images // BATCH)


def speed(batches, images):
    """Images a second, after WARM_UP batches. batches: an iterator over tuples that hold a tensor of images."""
    shape = {tuple(batch.shape) for batch, in itertools.islice(batches, WARM_UP)}
    assert shape in ({(BATCH, 3, SIZE, SIZE)}, {(BATCH, SIZE, SIZE, 3)}), shape
    start = time.process_time()
    done = sum(len(batch) for batch, in itertools.islice(batches, batches_of(images)))
    return done / (time.process_time() - start)


def webdataset_contender(files, images, folder):
    import webdataset as wds

    with wds.ShardWriter(str(folder / "%04d.tar"), maxcount=100, verbose=0) as writer:
        for number, path in enumerate(files):
            writer.write({"__key__": f"{number:08d}", "jpg": path.read_bytes()})
    shards = sorted(map(str, folder.glob("*.tar")))
    loader = (wds.WebDataset(shards, shardshuffle=100).shuffle(1000).decode("pil").to_tuple("jpg")
              .map_tuple(torchvision_pipeline()).batched(BATCH, partial=False).repeat())
    return lambda: speed(iter(loader), images)


class Pixels:
    """The data set that FFCV's writer asks for."""

    def __init__(self, files):
        self.files = files

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        return (Image.open(self.files[index]).convert("RGB"),)


def ffcv_contender(files, images, folder):
    # On one core Numba's other choice, TBB, waits for ever when the program ends.
    os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")
    from ffcv.fields import RGBImageField
    from ffcv.fields.rgb_image import RandomResizedCropRGBImageDecoder
    from ffcv.loader import Loader, OrderOption
    from ffcv.transforms import RandomHorizontalFlip, ToTensor
    from ffcv.writer import DatasetWriter

    file = str(folder / "images.beton")
    DatasetWriter(file, {"image": RGBImageField(write_mode="jpg")}, num_workers=1).from_indexed_dataset(Pixels(files))
    # One epoch of as many batches as a round takes, because FFCV makes its buffers anew for each epoch.
    order = np.resize(np.arange(len(files)), BATCH * (WARM_UP + batches_of(images)))
    pipeline = [RandomResizedCropRGBImageDecoder((SIZE, SIZE)), RandomHorizontalFlip(), ToTensor()]
    loader = Loader(file, batch_size=BATCH, num_workers=1, indices=order, order=OrderOption.RANDOM,
                    pipelines={"image": pipeline})

    def run():
        batches = iter(loader)
        found = speed(batches, images)
        next(batches, None)  # the end, where FFCV lets go of the epoch
        return found

    return run


CONTENDERS = {"webdataset": webdataset_contender, "ffcv": ffcv_contender}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", nargs="+", choices=CONTENDERS, default=list(CONTENDERS), metavar="NAME")
    parser.add_argument("bench")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("shards")
    options = parser.parse_args()
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    torch.set_num_threads(1)
    files = jpeg_files(options.folder)
    images = PASSES * len(files)
    with tempfile.TemporaryDirectory() as scratch:
        others = {name: CONTENDERS[name](files, images, pathlib.Path(scratch)) for name in options.against}
        found = medians_of_rounds(options.bench, options.shards, images, others)
    print(json.dumps(found | {"ratios": {name: found["loader_bench"] / found[name] for name in others}}))


if __name__ == "__main__":
    main()
