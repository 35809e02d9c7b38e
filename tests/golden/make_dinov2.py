"""Writes dinov2.safetensors: class tokens of a small DINOv2 of drawn weights, as timm's network computes them.

Run with torch 2.11, timm and Pillow. Weights and images are libtorch's CPU generator's, which the test draws again in the order
of SHAPES; only results are stored. Positions are interpolated as Meta's interpolate_pos_encoding does it (offset 0.1), images
resized as dgm-eval does it. `--meta FOLDER`, a checkout of facebookresearch/dinov2, compares with Meta's own network.
"""

import pathlib
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.models.vision_transformer import VisionTransformer
from torchvision import transforms

HERE = pathlib.Path(__file__).parent / "extractors"
WIDTH, DEPTH, GRID, PATCH = 128, 2, 37, 14
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def shapes():
    yield "cls_token", (1, 1, WIDTH)
    yield "pos_embed", (1, GRID * GRID + 1, WIDTH)
    yield "patch_embed.proj.weight", (WIDTH, 3, PATCH, PATCH)
    yield "patch_embed.proj.bias", (WIDTH,)
    for i in range(DEPTH):
        b = f"blocks.{i}."
        for name, rows, columns in ("attn.qkv", 3 * WIDTH, WIDTH), ("attn.proj", WIDTH, WIDTH), \
                ("mlp.fc1", 4 * WIDTH, WIDTH), ("mlp.fc2", WIDTH, 4 * WIDTH):
            yield f"{b}{name}.weight", (rows, columns)
            yield f"{b}{name}.bias", (rows,)
        for name in "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "ls1.gamma", "ls2.gamma":
            yield b + name, (WIDTH,)
    yield "norm.weight", (WIDTH,)
    yield "norm.bias", (WIDTH,)


def weights():
    generator = torch.Generator().manual_seed(14)
    drawn = {}
    for name, shape in shapes():
        x = torch.rand(shape, generator=generator) - 0.5
        gain = name.endswith("gamma") or "norm" in name and name.endswith("weight")
        drawn[name] = x + 1 if gain else x if len(shape) == 1 else x * 0.3 if len(shape) != 3 else x * 4
    return drawn


def images(height, width):
    return torch.randint(0, 256, (3, 3, height, width), generator=torch.Generator().manual_seed(height), dtype=torch.uint8)


def prepared(batch):
    steps = transforms.Compose([transforms.Resize((224, 224), transforms.InterpolationMode.BICUBIC), transforms.ToTensor(),
                                transforms.Normalize(MEAN, DEVIATION)])
    return torch.stack([steps(Image.fromarray(np.ascontiguousarray(x.permute(1, 2, 0).numpy()))) for x in batch])


def interpolated(positions, side):
    places = positions[:, 1:].reshape(1, GRID, GRID, WIDTH).permute(0, 3, 1, 2)
    scale = (side + 0.1) / GRID
    places = torch.nn.functional.interpolate(places, scale_factor=(scale, scale), mode="bicubic", antialias=False)
    assert places.shape[2:] == (side, side)
    return torch.cat((positions[:, :1], places.permute(0, 2, 3, 1).reshape(1, side * side, WIDTH)), 1)


def timm_network():
    network = VisionTransformer(img_size=224, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH, num_heads=WIDTH // 64,
                                init_values=1e-5, num_classes=0, global_pool="token")
    state = weights()
    network.load_state_dict({**state, "pos_embed": interpolated(state["pos_embed"], 224 // PATCH)})
    return network.eval()


def meta_network(folder):
    sys.path.insert(0, folder)
    from dinov2.models.vision_transformer import DinoVisionTransformer
    network = DinoVisionTransformer(img_size=GRID * PATCH, patch_size=PATCH, embed_dim=WIDTH, depth=DEPTH,
                                    num_heads=WIDTH // 64, init_values=1.0, block_chunks=0)
    network.load_state_dict(weights(), strict=False)
    return network.eval()


@torch.no_grad()
def main():
    network, found = timm_network(), {}
    meta = meta_network(sys.argv[2]) if sys.argv[1:2] == ["--meta"] else None
    for size in ((224, 224), (64, 48), (300, 260)):
        x = prepared(images(*size))
        found["{}x{}".format(*size)] = network(x).contiguous()
        if meta is not None:
            print(size, "from Meta's by", (network(x) - meta(x)).abs().max().item(), "of", meta(x).abs().max().item())
    save_file(found, HERE / "dinov2.safetensors")


if __name__ == "__main__":
    main()
