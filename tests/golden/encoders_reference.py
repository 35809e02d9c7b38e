# SPDX-License-Identifier: Apache-2.0
"""Encoders in plain PyTorch: ResNet-v2 of bottlenecks, RevNet, small ResNet, strided convolutions; head, output.

An independent definition for the digests of this folder (make_biggan_golden.py). Parameter names are those of
the program's checkpoints. Nothing is recomputed here: autograd keeps every activation of the RevNet.

`base` is 64 times the width factor: ResNet-50 has base 64, ResNet-50 x2 128, RevNet-50 x4 256.
"""
from dataclasses import dataclass
from types import SimpleNamespace

import torch
import torch.nn.functional as F
from torch import nn

import bigan_reference as bigan
from reference import Linear, Mlp, StridedTrunk


@dataclass
class Options:
    """Names and values as in the section `model` of the program's configuration."""
    encoder: str = "small"        # small | strided | resnet50 | resnet101 | revnet50 | mlp
    e_resolution: int = 32
    channels: int = 3
    z_dim: int = 4
    prior: str = "normal"         # normal | uniform
    e_stochastic: bool = True
    e_width: int = 2
    e_last_relu: bool = False
    e_head_width: int = 6
    e_head_depth: int = 2


def conv(n_in, n_out, kernel, stride=1):
    return nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=False)


class Trunk(nn.Module):
    """Common end: last norm, ReLU where asked for, mean over positions."""

    def __init__(self, n, last_relu):
        super().__init__()
        self.norm = nn.BatchNorm2d(n)
        self.last_relu = last_relu
        self.n_feature = n

    def features(self, x):
        x = self.norm(x)
        if self.last_relu:
            x = F.relu(x)
        return x.mean(dim=(2, 3))


class BottleneckUnit(nn.Module):
    def __init__(self, n_in, n_inner, n_out, stride, project):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(n_in), conv(n_in, n_inner, 1)
        self.norm2, self.conv2 = nn.BatchNorm2d(n_inner), conv(n_inner, n_inner, 3, stride)
        self.norm3, self.conv3 = nn.BatchNorm2d(n_inner), conv(n_inner, n_out, 1)
        if project:
            self.shortcut = conv(n_in, n_out, 1, stride)

    def branch(self, a):
        return self.conv3(F.relu(self.norm3(self.conv2(F.relu(self.norm2(self.conv1(a)))))))

    def forward(self, x):
        a = F.relu(self.norm1(x))
        return self.branch(a) + (self.shortcut(a) if hasattr(self, "shortcut") else x)


class BottleneckResNet(Trunk):
    def __init__(self, channels, base, units, last_relu=False):
        super().__init__(4 * base * 2 ** (len(units) - 1), last_relu)
        self.root = conv(channels, base, 7, 2)
        self.stages = nn.ModuleList()
        n_in, n_inner = base, base
        for s, n_units in enumerate(units):
            stage = []
            for u in range(n_units):
                stage.append(BottleneckUnit(n_in, n_inner, 4 * n_inner, 2 if s > 0 and u == 0 else 1, u == 0))
                n_in = 4 * n_inner
            self.stages.append(nn.ModuleList(stage))
            n_inner *= 2

    def forward(self, x):
        x = F.max_pool2d(self.root(x), 3, 2, 1)
        for stage in self.stages:
            for unit in stage:
                x = unit(x)
        return self.features(x)


class ReversibleUnit(nn.Module):
    def __init__(self, n):
        super().__init__()
        half, inner = n // 2, n // 8
        self.norm1, self.conv1 = nn.BatchNorm2d(half), conv(half, inner, 1)
        self.norm2, self.conv2 = nn.BatchNorm2d(inner), conv(inner, inner, 3)
        self.norm3, self.conv3 = nn.BatchNorm2d(inner), conv(inner, half, 1)
        self.half = half

    def forward(self, x):
        x1, x2 = x[:, :self.half], x[:, self.half:]
        h = x2
        for norm, layer in ((self.norm1, self.conv1), (self.norm2, self.conv2), (self.norm3, self.conv3)):
            h = layer(F.relu(norm(h)))
        return torch.cat([x2, x1 + h], dim=1)


class ReversibleResNet(Trunk):
    def __init__(self, channels, base, units, last_relu=False):
        n = 4 * base
        super().__init__(n * 2 ** (len(units) - 1), last_relu)
        self.root = conv(channels, n, 7, 2)
        self.stages = nn.ModuleList()
        for n_units in units:
            self.stages.append(nn.ModuleList(ReversibleUnit(n) for _ in range(n_units)))
            n *= 2

    def forward(self, x):
        x = F.max_pool2d(self.root(x), 3, 2, 1)
        for s, stage in enumerate(self.stages):
            if s > 0:
                x = F.avg_pool2d(x, 2)
                zeros = torch.zeros_like(x[:, :x.shape[1] // 2])
                x = torch.cat([zeros, x, zeros], dim=1)
            for unit in stage:
                x = unit(x)
        return self.features(x)


class BasicUnit(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.norm1, self.conv1 = nn.BatchNorm2d(n_in), conv(n_in, n_out, 3, stride)
        self.norm2, self.conv2 = nn.BatchNorm2d(n_out), conv(n_out, n_out, 3)
        if stride == 2 or n_in != n_out:
            self.shortcut = conv(n_in, n_out, 1, stride)

    def forward(self, x):
        a = F.relu(self.norm1(x))
        h = self.conv2(F.relu(self.norm2(self.conv1(a))))
        return h + (self.shortcut(a) if hasattr(self, "shortcut") else x)


class SmallResNet(Trunk):
    """3x3 root without stride or pool; three stages at 32 pixels, one more for each doubling."""

    def __init__(self, channels, base, resolution):
        n_stages = {32: 3, 64: 4, 128: 5}[resolution]
        super().__init__(base * 2 ** (n_stages - 1), False)
        self.root = conv(channels, base, 3)
        self.stages = nn.ModuleList()
        n_in = base
        for s in range(n_stages):
            n_out = base * 2 ** s
            self.stages.append(nn.ModuleList([BasicUnit(n_in, n_out, 2 if s > 0 else 1),
                                              BasicUnit(n_out, n_out, 1)]))
            n_in = n_out

    def forward(self, x):
        x = self.root(x)
        for stage in self.stages:
            for unit in stage:
                x = unit(x)
        return self.features(x)


def make_trunk(o, last_relu):
    """`last_relu` belongs to the trunks of bottlenecks alone."""
    size = o.e_resolution or o.resolution
    if o.encoder == "small":
        return SmallResNet(o.channels, o.e_width, size)
    if o.encoder == "strided":
        return StridedTrunk(SimpleNamespace(channels=o.channels, resolution=size), o.e_width, "bn")
    kind = ReversibleResNet if o.encoder == "revnet50" else BottleneckResNet
    return kind(o.channels, o.e_width, (3, 4, 23 if o.encoder == "resnet101" else 6, 3), last_relu)


class Encoder(nn.Module):
    """Trunk, residual MLP, linear map; the names of the trunk stand at the top level."""

    def __init__(self, o, last_relu=False):
        super().__init__()
        self.o = o
        trunk = make_trunk(o, last_relu)
        for name, child in trunk.named_children():
            self.add_module(name, child)
        self.trunk = (trunk,)  # in a tuple, which hides it from the names
        n = trunk.n_feature
        if o.e_head_depth:
            self.head = Mlp(n, o.e_head_width, o.e_head_depth)
            n = o.e_head_width
        self.output = Linear(n, o.z_dim * (2 if o.e_stochastic else 1))

    def distribution(self, x):
        """Returns mean, sigma (None: a point), feature of the trunk."""
        feature = self.trunk[0](x)
        t = self.output(self.head(feature) if self.o.e_head_depth else feature)
        return *bigan.code_of(self.o, t), feature

    def forward(self, x, epsilon):
        mean, sigma, _ = self.distribution(x)
        return mean if sigma is None else mean + sigma * epsilon


def make_encoder(o: Options):
    return bigan.Encoder(o) if o.encoder == "mlp" else Encoder(o, o.e_last_relu)


def count(net):
    return sum(p.numel() for p in net.parameters())


def check_published_counts():
    """Sizes without a classifier, counted by hand from the papers' tables; the RevNet x4 is in print."""
    fifty, hundred = (3, 4, 6, 3), (3, 4, 23, 3)
    with torch.device("meta"):
        assert count(BottleneckResNet(3, 64, fifty)) == 23_500_352
        assert count(BottleneckResNet(3, 64, hundred)) == 42_492_480
        assert count(BottleneckResNet(3, 128, fifty)) == 93_891_712
        assert count(ReversibleResNet(3, 64, fifty)) == 5_408_640
        assert count(ReversibleResNet(3, 128, fifty)) == 21_505_792
        assert count(ReversibleResNet(3, 256, fifty)) == 85_765_632
        assert count(SmallResNet(3, 32, 32)) == 694_944
        assert count(SmallResNet(3, 32, 64)) == 2_794_144
