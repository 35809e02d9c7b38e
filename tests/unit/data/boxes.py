"""The boxes of an Inception crop, by our own statement of torchvision's RandomResizedCrop.get_params. Usage: boxes.py CASES RESULT

A line of CASES: height, width, and the 32-bit numbers of the image's random stream. A line of RESULT: top, left, height, width.
"""

import math
import sys

AREA, RATIO, ATTEMPTS = (0.08, 1.0), (3.0 / 4.0, 4.0 / 3.0), 10


class Stream:
    def __init__(self, numbers):
        self.numbers = iter(numbers)

    def uniform(self, least, most):
        return least + next(self.numbers) / 2**32 * (most - least)

    def below(self, bound):
        """Two numbers make one of 64 bits; those beyond the last multiple of the bound are passed over."""
        while True:
            value = next(self.numbers) << 32 | next(self.numbers)
            if value < (2**64 - 1) // bound * bound:
                return value % bound


def box(height, width, stream):
    for _ in range(ATTEMPTS):
        area = height * width * stream.uniform(*AREA)
        ratio = math.exp(stream.uniform(math.log(RATIO[0]), math.log(RATIO[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return stream.below(height - h + 1), stream.below(width - w + 1), h, w
    w, h = width, height
    if width / height < RATIO[0]:
        h = round(width / RATIO[0])
    elif width / height > RATIO[1]:
        w = round(height * RATIO[1])
    return (height - h) // 2, (width - w) // 2, h, w


def main(cases_path, result_path):
    with open(cases_path) as cases, open(result_path, "w") as result:
        for line in cases:
            height, width, *numbers = map(int, line.split())
            print(*box(height, width, Stream(numbers)), file=result)


main(*sys.argv[1:])
