"""What Pillow makes of parts of images. Usage: pillow.py PIXELS CASES RESULT

A line of CASES: height width channels top left box_height box_width out_height out_width filter flip. The images stand in PIXELS one
behind the other as bytes [height, width, channels], the results likewise in RESULT.
"""

import sys

from PIL import Image

FILTERS = {"area": Image.Resampling.BOX, "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def main(pixels_path, cases_path, result_path):
    with open(pixels_path, "rb") as pixels, open(cases_path) as cases, open(result_path, "wb") as result:
        for line in cases:
            *numbers, filter_name, flip = line.split()
            height, width, channels, top, left, box_height, box_width, out_height, out_width = map(int, numbers)
            image = Image.frombytes("L" if channels == 1 else "RGB", (width, height), pixels.read(height * width * channels))
            image = image.crop((left, top, left + box_width, top + box_height))
            image = image.resize((out_width, out_height), FILTERS[filter_name])
            if flip == "1":
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            result.write(image.tobytes())


main(*sys.argv[1:])
