"""Frechet distance of two sets of features by frechet_bench and by NumPy and SciPy, one thread each, one after the other.

    OMP_NUM_THREADS=1 frechet_scipy.py build/release/bin/frechet_bench [IMAGES] [WIDTH]

SciPy's way is pytorch-fid's: numpy.cov and scipy.linalg.sqrtm of the product. Needs torch, NumPy and SciPy.
"""

import resource
import subprocess
import sys
import time

import numpy as np
import scipy.linalg
import torch


def features(seed, images, width):
    return torch.randn(images, width, generator=torch.Generator().manual_seed(seed)).numpy()


def main():
    images, width = (int(word) for word in sys.argv[2:4] or (50_000, 2_048))
    print(subprocess.run([sys.argv[1], str(images), str(width)], check=True, capture_output=True, text=True).stdout)
    torch.set_num_threads(1)
    start = time.time()
    statistics = []
    for x in features(1, images, width), features(2, images, width) * np.float32(1.1) + np.float32(0.1):
        statistics.append((np.mean(x, axis=0), np.cov(x, rowvar=False)))
    middle = time.time()
    (mean_a, a), (mean_b, b) = statistics
    root = scipy.linalg.sqrtm(a.dot(b))
    distance = ((mean_a - mean_b) ** 2).sum() + np.trace(a) + np.trace(b) - 2 * np.trace(root.real)
    end = time.time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"scipy: distance {distance:.9g}\nmoments {middle - start:.2f} s\nroot {end - middle:.2f} s\npeak {peak} MiB")


if __name__ == "__main__":
    main()
