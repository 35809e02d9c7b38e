"""Writes small TorchScript networks that stand for others' feature networks in tests, and what PyTorch says of them.

`inception_like.pt` has the interface of NVIDIA's inception-2015-12-05.pt: forward(img, return_features, use_fp16, no_output_bias)
on bytes, which gives probabilities, and the last layer `output`. The others are networks of any kind.
"""

import pathlib
from typing import Dict, Tuple

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

HERE = pathlib.Path(__file__).parent / "extractors"


class Layers(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 5, stride=4)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x).relu().mean((2, 3))


class InceptionLike(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = Layers()
        self.output = nn.Linear(6, 10)

    def forward(self, img: Tensor, return_features: bool = False, use_fp16: bool = False,
                no_output_bias: bool = False) -> Tensor:
        x = nn.functional.interpolate((img.to(torch.float32) - 128) / 128, [37, 37], mode="bilinear", align_corners=False)
        features = self.layers(x)
        if return_features:
            return features
        logits = nn.functional.linear(features, self.output.weight) if no_output_bias else self.output(features)
        return logits.softmax(1)


class Maps(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


class Named(nn.Module):
    def __init__(self):
        super().__init__()
        self.maps = Maps()

    def forward(self, x: Tensor) -> Dict[str, Tensor]:
        maps = self.maps(x)
        return {"maps": maps, "mean": maps.mean((2, 3)), "scalar": maps.mean()}


class Pair(nn.Module):
    def __init__(self):
        super().__init__()
        self.maps = Maps()

    def forward(self, x: Tensor) -> Tuple[Tensor, Tensor]:
        maps = self.maps(x)
        return maps, maps.amax((2, 3))


def main():
    HERE.mkdir(exist_ok=True)
    torch.manual_seed(7)
    for name, net in ("inception_like", InceptionLike()), ("maps", Maps()), ("named", Named()), ("pair", Pair()):
        torch.jit.save(torch.jit.script(net.eval()), str(HERE / f"{name}.pt"))
    image = torch.randint(0, 256, (2, 3, 9, 14), dtype=torch.uint8)
    resized = interpolate_bilinear_2d_like_tensorflow1x(image.float(), size=(23, 23), align_corners=False)
    save_file({"image": image, "resized": resized}, HERE / "tensorflow_resize.safetensors")


if __name__ == "__main__":
    main()
