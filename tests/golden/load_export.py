#!/usr/bin/env python3
"""Loads G and E from a file of `bbg_dist export` into PyTorch modules in evaluation mode.

    generator = load_generator("mine.safetensors")     # images = generator(z), or generator(z, labels)
    encoder = load_encoder("mine.safetensors")         # mean, sigma, feature = encoder(images)

Needs torch and safetensors, nothing of the C++ program. Knows every G and E that the program has. Sizes come from the
tensors, the rest from the configuration in the file's metadata.

    load_export.py FILE      compares with the examples that `export --with-example true` adds; exit code 0 or 1
"""
import configparser
import itertools
import sys
from typing import NamedTuple, Optional

import torch
import torch.nn.functional as F
from safetensors import safe_open
from torch import nn


class Layers:
    """The tensors of one network, and layers of their sizes; `model` is that section of the configuration."""

    def __init__(self, path, network):
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            if metadata.get("format") != "bbg_dist export" or metadata.get("format_version") != "1":
                raise ValueError(f"{path} was not made by bbg_dist export, or by a newer one")
            self.tensors = {name[len(network) + 1:]: file.get_tensor(name)
                            for name in file.keys() if name.startswith(network + ".")}
        if not self.tensors:
            raise ValueError(f"{path} has no network {network}")
        config = configparser.ConfigParser(delimiters="=", interpolation=None)
        config.read_string(metadata["config"])
        self.model = config["model"]

    def __contains__(self, name):
        return name in self.tensors

    def all(self, pattern, make):
        """make(0), make(1)... as long as there is a tensor of that name."""
        present = itertools.takewhile(lambda i: pattern.format(i) in self, itertools.count())
        return nn.ModuleList(make(i) for i in present)

    def shape(self, name):
        return self.tensors[name + ".weight"].shape, name + ".bias" in self

    def linear(self, name):
        (n_out, n_in), bias = self.shape(name)
        return nn.Linear(n_in, n_out, bias)

    def conv(self, name, stride=1):
        (n_out, n_in, kernel, _), bias = self.shape(name)
        return nn.Conv2d(n_in, n_out, kernel, stride, (kernel - stride + 1) // 2, bias=bias)

    def up_conv(self, name):
        (n_in, n_out, kernel, _), bias = self.shape(name)
        return nn.ConvTranspose2d(n_in, n_out, kernel, 2, (kernel - 1) // 2, kernel % 2, bias=bias)

    def norm(self, name):
        return nn.BatchNorm2d(len(self.tensors[name + ".running_mean"]), self.model.getfloat("bn-eps"))


# G ------------------------------------------------------------------------------------------------------------------

class StridedGenerator(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.linear = layers.linear("linear")
        self.norm0 = layers.norm("norm0")
        self.deconvs = layers.all("deconvs.{}.weight", lambda i: layers.up_conv(f"deconvs.{i}"))
        self.norms = layers.all("norms.{}.weight", lambda i: layers.norm(f"norms.{i}"))

    def forward(self, z, labels=None):
        h = self.linear(z).view(len(z), -1, 4, 4)
        for norm, deconv in zip([self.norm0, *self.norms], self.deconvs):
            h = deconv(F.relu(norm(h)))
        return torch.tanh(h)


class ConditionalNorm(nn.Module):
    """Batch norm; gain and bias follow from the condition: by linear maps, a row per class, or not at all."""

    def __init__(self, layers, name, per_class):
        super().__init__()
        self.eps = layers.model.getfloat("bn-eps")
        for buffer in ["running_mean", "running_var"]:
            self.register_buffer(buffer, torch.empty_like(layers.tensors[f"{name}.{buffer}"]))
        self.is_plain = name + ".gain.weight" not in layers
        if self.is_plain:
            self.weight, self.bias = nn.Parameter(self.running_mean.clone()), nn.Parameter(self.running_mean.clone())
        elif per_class:
            shape, _ = layers.shape(name + ".gain")
            self.gain, self.bias = nn.Embedding(*shape), nn.Embedding(*shape)
        else:
            self.gain, self.bias = layers.linear(name + ".gain"), layers.linear(name + ".bias")

    def forward(self, x, condition):
        plain = (self.weight, self.bias) if self.is_plain else ()
        x = F.batch_norm(x, self.running_mean, self.running_var, *plain, eps=self.eps)
        if self.is_plain:
            return x
        return x * (1 + self.gain(condition))[:, :, None, None] + self.bias(condition)[:, :, None, None]


class Attention(nn.Module):
    def __init__(self, layers, name):
        super().__init__()
        self.theta, self.phi = layers.conv(name + ".theta"), layers.conv(name + ".phi")
        self.g, self.o = layers.conv(name + ".g"), layers.conv(name + ".o")
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        theta = self.theta(x).flatten(2)
        phi, g = F.max_pool2d(self.phi(x), 2).flatten(2), F.max_pool2d(self.g(x), 2).flatten(2)
        mixed = g @ torch.softmax(theta.transpose(1, 2) @ phi, -1).transpose(1, 2)
        return x + self.gamma * self.o(mixed.view(len(x), -1, *x.shape[2:]))


class GeneratorBlock(nn.Module):
    def __init__(self, layers, name, per_class):
        super().__init__()
        self.norm1 = ConditionalNorm(layers, name + ".norm1", per_class)
        self.conv1 = layers.conv(name + ".conv1")
        self.norm2 = ConditionalNorm(layers, name + ".norm2", per_class)
        self.conv2 = layers.conv(name + ".conv2")
        self.shortcut = layers.conv(name + ".shortcut")
        has_attention = name + ".attention.gamma" in layers
        self.attention = Attention(layers, name + ".attention") if has_attention else nn.Identity()

    def forward(self, x, condition):
        h = self.conv1(F.interpolate(F.relu(self.norm1(x, condition)), scale_factor=2))
        h = self.conv2(F.relu(self.norm2(h, condition)))
        return self.attention(h + F.interpolate(self.shortcut(x), scale_factor=2))


class ResidualGenerator(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.is_conditional = layers.model["g-condition"] == "class"
        self.is_split = layers.model.getboolean("g-split-z")
        self.class_embedding = None
        if "class_embedding.weight" in layers:
            self.class_embedding = nn.Embedding(*layers.shape("class_embedding")[0])
        per_class = not self.is_split and self.class_embedding is None
        self.linear = layers.linear("linear")
        self.blocks = layers.all("blocks.{}.conv1.weight", lambda i: GeneratorBlock(layers, f"blocks.{i}", per_class))
        self.output_norm = layers.norm("output_norm")
        self.output_conv = layers.conv("output_conv")

    def forward(self, z, labels=None):
        known = []  # what all norms know of each sample
        if self.class_embedding is not None:
            rows = labels if self.is_conditional else torch.zeros(len(z), dtype=torch.long, device=z.device)
            known = [self.class_embedding(rows)]
        chunks = z.split(self.linear.in_features, 1)
        h = self.linear(chunks[0]).view(len(z), -1, 4, 4)
        for i, block in enumerate(self.blocks):
            own = known + ([chunks[i + 1]] if self.is_split else [])
            h = block(h, torch.cat(own, 1) if own else labels)
        return torch.tanh(self.output_conv(F.relu(self.output_norm(h))))


class DenseLayer(nn.Linear):
    """A linear map, and batch norm without gain and bias where there is one."""

    def __init__(self, layers, name):
        (n_out, n_in), bias = layers.shape(name)
        super().__init__(n_in, n_out, bias)
        has_norm = name + ".norm.running_mean" in layers
        self.norm = (nn.BatchNorm1d(n_out, layers.model.getfloat("bn-eps"), affine=False) if has_norm
                     else nn.Identity())

    def forward(self, x, more=0):
        return self.norm(super().forward(x) + more)


class DenseGenerator(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.shape = [layers.model.getint(key) for key in ("channels", "resolution", "resolution")]
        self.layers = layers.all("layers.{}.weight", lambda i: DenseLayer(layers, f"layers.{i}"))
        self.code = layers.linear("code")
        self.output = layers.linear("output")

    def forward(self, z, labels=None):
        h = F.relu(self.layers[0](z))
        h = F.relu(self.layers[1](h, self.code(z)))
        return torch.tanh(self.output(h) / 2).view(len(z), *self.shape)


class BiganGenerator(nn.Module):
    """Of BiGAN's ImageNet system: the code enters every layer but the last."""

    def __init__(self, layers):
        super().__init__()
        self.linear, self.code = layers.linear("linear"), layers.linear("code")
        self.norm0 = nn.BatchNorm1d(self.linear.out_features, layers.model.getfloat("bn-eps"))
        self.deconvs = layers.all("deconvs.{}.weight", lambda i: layers.up_conv(f"deconvs.{i}"))
        self.norms = layers.all("norms.{}.weight", lambda i: layers.norm(f"norms.{i}"))
        self.output = layers.up_conv("output")
        self.side = layers.model.getint("resolution") // 16

    def forward(self, z, labels=None):
        codes = self.code(z).split([deconv.out_channels for deconv in self.deconvs], 1)
        h = F.relu(self.norm0(self.linear(z))).view(len(z), -1, self.side, self.side)
        for deconv, norm, code in zip(self.deconvs, self.norms, codes):
            h = F.relu(norm(deconv(h) + code[:, :, None, None]))
        return torch.tanh(self.output(h) / 2)


# E ------------------------------------------------------------------------------------------------------------------

class Code(NamedTuple):
    mean: torch.Tensor             # the code of an image
    sigma: Optional[torch.Tensor]  # None: E is deterministic
    feature: torch.Tensor          # the trunk's output, for classifiers and neighbours


class MlpBlock(nn.Module):
    def __init__(self, layers, name):
        super().__init__()
        self.linear1, self.linear2 = layers.linear(name + ".linear1"), layers.linear(name + ".linear2")
        self.skip = layers.linear(name + ".skip") if name + ".skip.weight" in layers else None

    def forward(self, x):
        if self.skip is not None:
            return self.skip(x) + self.linear2(F.relu(self.linear1(x)))
        return x + self.linear2(F.relu(self.linear1(F.relu(x))))


class Encoder(nn.Module):
    """Trunk, which stands at the top level of names, head, output."""

    def __init__(self, layers):
        super().__init__()
        self.is_stochastic = layers.model.getboolean("e-stochastic")
        self.is_bounded = layers.model["prior"] == "uniform"
        self.head = nn.ModuleDict(
            {"blocks": layers.all("head.blocks.{}.linear1.weight", lambda i: MlpBlock(layers, f"head.blocks.{i}"))})
        self.output = layers.linear("output")

    def forward(self, x):
        feature = h = self.trunk(x)
        for block in self.head["blocks"]:
            h = block(h)
        t = self.output(F.relu(h) if len(self.head["blocks"]) else h)
        if self.is_stochastic:
            mean, s = t.chunk(2, 1)
            return Code(mean, F.softplus(s), feature)
        return Code(torch.tanh(t / 2) if self.is_bounded else t, None, feature)


class StridedEncoder(Encoder):
    def __init__(self, layers):
        super().__init__(layers)
        self.convs = layers.all("convs.{}.weight", lambda i: layers.conv(f"convs.{i}", stride=2))
        self.norms = nn.ModuleDict({str(i): layers.norm(f"norms.{i}") for i in range(1, len(self.convs))})

    def trunk(self, x):
        for i, conv in enumerate(self.convs):
            x = conv(x)
            x = F.leaky_relu(self.norms[str(i)](x) if i else x, 0.2)
        return x.flatten(1)


class DenseEncoder(Encoder):
    def __init__(self, layers):
        super().__init__(layers)
        self.layers = layers.all("layers.{}.weight", lambda i: DenseLayer(layers, f"layers.{i}"))

    def trunk(self, x):
        x = (x.flatten(1) + 1) / 2
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        return x


class AlexNet(Encoder):
    def __init__(self, layers):
        super().__init__(layers)
        self.convs, width = nn.ModuleList(), None
        while f"convs.{len(self.convs)}.weight" in layers:
            (n_out, n_in, kernel, _), _ = layers.shape(f"convs.{len(self.convs)}")
            groups, stride = (1, 4) if width is None else (width // n_in, 1)
            self.convs.append(nn.Conv2d(n_in * groups, n_out, kernel, stride, kernel // 2, groups=groups, bias=False))
            width = n_out
        self.norms = nn.ModuleDict({str(i): layers.norm(f"norms.{i}") for i in range(1, len(self.convs))})

    def trunk(self, x):
        for i, conv in enumerate(self.convs):
            x = conv(x)
            x = F.leaky_relu(self.norms[str(i)](x) if i else x, 0.2)
            if i < 2:
                x = F.max_pool2d(x, 3, 2, 1)
        return x.flatten(1)


class Unit(nn.Module):
    """Convolutions, each after norm and ReLU: two of 3x3, or the three of a bottleneck."""

    def __init__(self, layers, name, stride):
        super().__init__()
        n = 3 if name + ".conv3.weight" in layers else 2
        self.pairs = [(f"norm{i}", f"conv{i}") for i in range(1, n + 1)]
        for i, (norm, conv) in enumerate(self.pairs, start=1):
            self.add_module(norm, layers.norm(f"{name}.{norm}"))
            self.add_module(conv, layers.conv(f"{name}.{conv}", stride if i == n - 1 else 1))
        self.shortcut = layers.conv(name + ".shortcut", stride) if name + ".shortcut.weight" in layers else None

    def branch(self, activated):
        x = self.conv1(activated)
        for norm, conv in self.pairs[1:]:
            x = getattr(self, conv)(F.relu(getattr(self, norm)(x)))
        return x

    def forward(self, x):
        activated = F.relu(self.norm1(x))
        return self.branch(activated) + (x if self.shortcut is None else self.shortcut(activated))


class ReversibleUnit(Unit):
    def forward(self, x):
        x1, x2 = x.chunk(2, 1)
        return torch.cat([x2, x1 + self.branch(F.relu(self.norm1(x2)))], 1)


class SmallEncoder(Encoder):
    """Root, stages of units, norm, average over positions."""
    unit, is_large, strides = Unit, False, True

    def __init__(self, layers):
        super().__init__(layers)
        self.root = layers.conv("root", 2 if self.is_large else 1)
        self.stages = layers.all("stages.{}.0.conv1.weight", lambda s: layers.all(
            f"stages.{s}.{{}}.conv1.weight",
            lambda b: self.unit(layers, f"stages.{s}.{b}", 2 if self.strides and s and not b else 1)))
        self.norm = layers.norm("norm")
        self.has_last_relu = layers.model.getboolean("e-last-relu", fallback=False)

    def trunk(self, x):
        x = self.root(x)
        if self.is_large:
            x = F.max_pool2d(x, 3, 2, 1)
        for s, stage in enumerate(self.stages):
            if s and not self.strides:  # a RevNet: half the size, twice the channels
                x = F.pad(F.avg_pool2d(x, 2), (0, 0, 0, 0, x.shape[1] // 2, x.shape[1] // 2))
            for unit in stage:
                x = unit(x)
        x = self.norm(x)
        return (F.relu(x) if self.has_last_relu else x).mean((2, 3))


class ResNetEncoder(SmallEncoder):
    is_large = True


class RevNetEncoder(ResNetEncoder):
    unit, strides = ReversibleUnit, False


# --------------------------------------------------------------------------------------------------------------------

def load(path, network, kinds, kind_of):
    layers = Layers(path, network)
    kind = kind_of(layers.model)
    if kind not in kinds:
        raise NotImplementedError(f"{path}: there is no PyTorch definition of {network} of kind '{kind}' here")
    module = kinds[kind](layers).to(next(iter(layers.tensors.values())).dtype)
    module.load_state_dict(layers.tensors)  # strict: every name must be there, on both sides
    return module.eval()


def load_generator(path):
    kinds = {"strided": StridedGenerator, "residual": ResidualGenerator, "mlp": DenseGenerator, "bigan": BiganGenerator}
    module = load(path, "G", kinds, lambda model: model["block"])
    module.dim_z = int(Layers(path, "G").model["z-dim"])  # the name by which others ask for it
    return module


def load_encoder(path):
    def kind_of(model):
        usual = "small" if model["block"] == "residual" else model["block"]
        return usual if model["encoder"] == "auto" else model["encoder"]
    kinds = {"strided": StridedEncoder, "mlp": DenseEncoder, "small": SmallEncoder, "resnet50": ResNetEncoder,
             "resnet101": ResNetEncoder, "revnet50": RevNetEncoder, "alexnet": AlexNet}
    return load(path, "E", kinds, kind_of)


# float32: sums of some hundred products in another order, over a dozen layers, stay below 1e-5 of their size; a norm, a
# bias or a sigma that is left out moves results by more than 1e-2. Deep networks that were trained on next to nothing
# have channels of tiny variance, which enlarge rounding: those are compared in float64, where there is room.
TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}


@torch.no_grad()
def compare(path):
    """Largest differences from the file's examples by name, relative where values are above 1, and the tolerance."""
    with safe_open(path, framework="pt") as file:
        example = {name[8:]: file.get_tensor(name) for name in file.keys() if name.startswith("example.")}
    results = {}
    if "G" in example:
        generator = load_generator(path)
        if example["z"].shape[1] != generator.dim_z:
            raise ValueError(f"{path} has codes of another width than the generator's dim_z")
        results["G"] = generator(example["z"], example.get("labels"))
    if "E" in example:
        results["E"], results["E_sigma"], results["E_feature"] = load_encoder(path)(example["x"])
    if not results:
        raise ValueError(f"{path} has no examples; make it with --with-example true")
    differences = {name: ((value - example[name]).abs() / example[name].abs().clamp(min=1)).max().item()
                   for name, value in results.items() if value is not None}
    return differences, TOLERANCE[next(iter(results.values())).dtype]


if __name__ == "__main__":
    differences, tolerance = compare(sys.argv[1])
    for name, difference in differences.items():
        print(f"{name}: differs by {difference:.1e}")
    sys.exit(0 if all(difference <= tolerance for difference in differences.values()) else 1)
