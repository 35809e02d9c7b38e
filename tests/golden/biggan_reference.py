# SPDX-License-Identifier: Apache-2.0
"""BigGAN at every resolution and the ablations of BigBiGAN in plain PyTorch.

An independent definition for the digests of this folder (make_biggan_golden.py); nothing in the C++ program
reads it. Blocks are listed as in BigGAN-PyTorch (input and output widths side by side, per resolution), its
operations in its order: upsample before the 1x1 of G's shortcut, pool after the 1x1 in D except in the first
block. Elementary layers and the strided family come from reference.py, E from encoders_reference.py. Parameter
and buffer names are those of the program's checkpoints.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

import reference
from encoders_reference import Encoder
from reference import (BN_EPS, BN_MOMENTUM, Attention, BatchNorm, ConditionalBatchNorm, Conv, Linear, Mlp,
                       StridedTrunk, Weighted, prepare)

__all__ = ["Options", "StridedOptions", "Generator", "StridedGenerator", "Discriminator", "Encoder",
           "discriminator_step", "generator_encoder_step", "prepare"]


@dataclass
class Options:
    """Names and values as in the section `model` of the program's configuration."""
    system: str = "biggan"        # biggan | bigan | bigbigan
    terms: str = "x"              # scores that D gives: words x, z, xz
    resolution: int = 32
    e_resolution: int = 0         # of E's images; 0 = resolution
    channels: int = 3
    z_dim: int = 8
    prior: str = "normal"         # normal | uniform
    layout: str = "sg"            # bgp | sg | cg
    width: int = 2
    g_width: int = 0              # 0 = width
    g_condition: str = "class"    # class | single | none
    num_classes: int = 0
    g_split_z: bool = True
    g_embedding: int = 6
    g_attention: str = "auto"
    d_attention: str = "auto"
    d_skip: str = "bgp"           # bgp | cg
    h_width: int = 8
    h_depth: int = 2
    j_width: int = 8
    j_depth: int = 2
    encoder: str = "small"
    e_stochastic: bool = True
    e_width: int = 1
    e_head_width: int = 6
    e_head_depth: int = 1

    @property
    def conditional(self):
        return self.g_condition == "class"


@dataclass
class StridedOptions(Options):
    """Of the networks of strided convolutions, whose G and F stand in reference.py."""
    block: str = "strided"
    g_condition: str = "single"   # which they do not look at
    d_norm: str = "bn"            # bn | sn | none
    encoder: str = "strided"

    @property
    def ch(self):
        return self.width


# G: input widths, output widths of the blocks, times the base width; the first ends at 8x8.
G_BLOCKS = {
    ("bgp", 32): ([4, 4, 4], [4, 4, 4]),
    ("bgp", 64): ([16, 16, 8, 4], [16, 8, 4, 2]),
    ("sg", 64): ([16, 8, 4, 2], [8, 4, 2, 1]),
    ("bgp", 128): ([16, 16, 8, 4, 2], [16, 8, 4, 2, 1]),
    ("bgp", 256): ([16, 16, 8, 8, 4, 2], [16, 8, 8, 4, 2, 1]),
    ("bgp", 512): ([16, 16, 8, 8, 4, 2, 1], [16, 8, 8, 4, 2, 1, 1]),
}
# D: output widths, whether the block halves.
D_BLOCKS = {
    ("bgp", 32): ([4, 4, 4, 4], [True, True, False, False]),
    ("sg", 32): ([2, 2, 2, 2], [True, True, False, False]),
    ("cg", 32): ([2, 2, 2, 2], [True, True, True, False]),
    ("bgp", 64): ([1, 2, 4, 8, 16], [True] * 4 + [False]),
    ("cg", 64): ([2, 4, 8, 16, 16], [True] * 4 + [False]),
    ("bgp", 128): ([1, 2, 4, 8, 16, 16], [True] * 5 + [False]),
    ("bgp", 256): ([1, 2, 4, 8, 8, 16, 16], [True] * 6 + [False]),
    ("bgp", 512): ([1, 1, 2, 4, 8, 8, 16, 16], [True] * 7 + [False]),
}
# Resolution after which attention stands: of G, of D.
ATTENTION = {("sg", 32): (16, 16), ("bgp", 32): (0, 0), ("bgp", 64): (32, 32), ("bgp", 128): (64, 64),
             ("bgp", 256): (128, 64), ("bgp", 512): (64, 64)}


def look_up(table, o: Options):
    """The layout's own entry, else BigGAN-PyTorch's."""
    return table.get((o.layout, o.resolution)) or table["bgp", o.resolution]


def attention_place(o: Options, text: str, which: int) -> int:
    if text == "auto":
        return look_up(ATTENTION, o)[which]
    return 0 if text == "none" else int(text)


# --------------------------------------------------------------------------------------------------------- G

class TableBatchNorm(nn.Module):
    """Gain 1 + row of a table, bias a row of another; neither is normalised."""

    def __init__(self, n, n_classes):
        super().__init__()
        self.gain, self.bias = Embedding(n_classes, n), Embedding(n_classes, n)
        self.register_buffer("running_mean", torch.zeros(n))
        self.register_buffer("running_var", torch.ones(n))

    def forward(self, x, labels):
        x = F.batch_norm(x, self.running_mean, self.running_var, None, None, self.training, BN_MOMENTUM, BN_EPS)
        return x * (1 + self.gain(labels))[:, :, None, None] + self.bias(labels)[:, :, None, None]


class PlainBatchNorm(BatchNorm):
    def forward(self, x, condition):
        return super().forward(x)


class Embedding(Weighted):
    def __init__(self, n_classes, n, sn=False):
        super().__init__((n_classes, n), False, sn, n)

    def forward(self, labels):
        return F.embedding(labels, self.effective())


class GeneratorBlock(nn.Module):
    def __init__(self, n_in, n_out, norm, attention):
        super().__init__()
        self.norm1, self.norm2 = norm(n_in), norm(n_out)
        self.conv1 = Conv(n_in, n_out, 3, padding=1, sn=True)
        self.conv2 = Conv(n_out, n_out, 3, padding=1, sn=True)
        self.shortcut = Conv(n_in, n_out, 1, sn=True)
        if attention:
            self.attention = Attention(n_out)

    def forward(self, x, condition):
        h = F.relu(self.norm1(x, condition))
        h = self.conv1(F.interpolate(h, scale_factor=2))
        h = self.conv2(F.relu(self.norm2(h, condition)))
        h = h + self.shortcut(F.interpolate(x, scale_factor=2))
        return self.attention(h) if hasattr(self, "attention") else h


class Generator(nn.Module):
    def __init__(self, o: Options):
        super().__init__()
        self.o = o
        n_in, n_out = look_up(G_BLOCKS, o)
        ch = o.g_width or o.width
        self.chunk = o.z_dim // (len(n_in) + 1) if o.g_split_z else o.z_dim
        n_condition = self.chunk if o.g_split_z else 0
        self.shared = o.g_condition != "none" and o.g_embedding > 0
        if self.shared:
            self.class_embedding = Embedding(o.num_classes if o.conditional else 1, o.g_embedding)
            n_condition += o.g_embedding
        self.per_class = n_condition == 0 and o.conditional

        def norm(n):
            if n_condition:
                return ConditionalBatchNorm(n, n_condition)
            return TableBatchNorm(n, o.num_classes) if self.per_class else PlainBatchNorm(n)

        self.linear = Linear(self.chunk, n_in[0] * ch * 16, sn=True)
        place = attention_place(o, o.g_attention, 0)
        self.blocks = nn.ModuleList(
            GeneratorBlock(a * ch, b * ch, norm, place == 8 * 2 ** i)
            for i, (a, b) in enumerate(zip(n_in, n_out)))
        self.output_norm = BatchNorm(n_out[-1] * ch)
        self.output_conv = Conv(n_out[-1] * ch, o.channels, 3, padding=1, sn=True)

    def forward(self, z, labels=None):
        parts = []
        if self.shared:
            rows = labels if self.o.conditional else torch.zeros(len(z), dtype=torch.long)
            parts.append(self.class_embedding(rows))
        chunks = torch.split(z, self.chunk, 1)
        h = self.linear(chunks[0])
        h = h.view(h.shape[0], -1, 4, 4)
        for i, block in enumerate(self.blocks):
            condition = labels if self.per_class else None
            own = parts + ([chunks[i + 1]] if self.o.g_split_z else [])
            if own:
                condition = torch.cat(own, 1)
            h = block(h, condition)
        return torch.tanh(self.output_conv(F.relu(self.output_norm(h))))


class StridedGenerator(reference.StridedGenerator):
    """Without conditions."""

    def __init__(self, o: StridedOptions):
        super().__init__(o)
        self.o = o

    def forward(self, z, labels=None):
        return super().forward(z)


# --------------------------------------------------------------------------------------------------------- D

class DiscriminatorBlock(nn.Module):
    def __init__(self, n_in, n_out, first, down, attention, skip):
        super().__init__()
        self.first, self.down = first, down
        self.conv1 = Conv(n_in, n_out, 3, padding=1, sn=True)
        self.conv2 = Conv(n_out, n_out, 3, padding=1, sn=True)
        self.kind = "learned" if n_in != n_out else "none" if skip == "cg" else "learned" if down else "identity"
        if self.kind == "learned":
            self.shortcut = Conv(n_in, n_out, 1, sn=True)
        if attention:
            self.attention = Attention(n_out)

    def skip(self, x):
        if self.first:
            return self.shortcut(F.avg_pool2d(x, 2))
        if self.kind == "learned":
            x = self.shortcut(x)
        return F.avg_pool2d(x, 2) if self.down else x

    def forward(self, x):
        h = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        if self.down:
            h = F.avg_pool2d(h, 2)
        if self.kind != "none":
            h = h + self.skip(x)
        return self.attention(h) if hasattr(self, "attention") else h


class Trunk(nn.Module):
    def __init__(self, o: Options):
        super().__init__()
        widths, halves = look_up(D_BLOCKS, o)
        place, size, n_in = attention_place(o, o.d_attention, 1), o.resolution, o.channels
        self.blocks = nn.ModuleList()
        for i, (width, half) in enumerate(zip(widths, halves)):
            size = size // 2 if half else size
            # Attention stands once, though several blocks may end at its resolution.
            attention = size == place
            place = 0 if attention else place
            self.blocks.append(DiscriminatorBlock(n_in, width * o.width, i == 0, half, attention, o.d_skip))
            n_in = width * o.width
        self.n_feature = n_in

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return torch.sum(F.relu(x), [2, 3])


class Discriminator(nn.Module):
    def __init__(self, o: Options):
        super().__init__()
        self.terms = o.terms.split()
        strided = isinstance(o, StridedOptions)
        sn = not strided or o.d_norm == "sn"
        self.F = StridedTrunk(o, o.width, o.d_norm) if strided else Trunk(o)
        n = self.F.n_feature
        if "x" in self.terms:
            self.score_x = Linear(n, 1, sn=sn)
            if o.conditional:
                self.class_embedding = Embedding(o.num_classes, n, sn=True)
        if "z" in self.terms or "xz" in self.terms:
            self.H = Mlp(o.z_dim, o.h_width, o.h_depth, sn=sn)
        if "z" in self.terms:
            self.score_z = Linear(o.h_width, 1, sn=sn)
        if "xz" in self.terms:
            self.J = Mlp(n + o.h_width, o.j_width, o.j_depth, sn=sn)
            self.score_xz = Linear(o.j_width, 1, sn=sn)

    def forward(self, x, z=None, labels=None):
        """Returns {term: [N]}."""
        scores = {}
        f = self.F(x)
        h = self.H(z) if hasattr(self, "H") else None
        if "x" in self.terms:
            scores["x"] = self.score_x(f)[:, 0]
            if hasattr(self, "class_embedding"):
                scores["x"] = scores["x"] + torch.sum(self.class_embedding(labels) * f, 1)
        if "z" in self.terms:
            scores["z"] = self.score_z(h)[:, 0]
        if "xz" in self.terms:
            scores["xz"] = self.score_xz(self.J(torch.cat([f, h], 1)))[:, 0]
        return scores


# ----------------------------------------------------------------------------------------------------- steps

def mean_of_terms(scores, y, function):
    return [function(y * s).mean() for s in scores.values()]


def put_together(terms, n_terms, form):
    return sum(terms) / (n_terms if form == "mean" else 1)


def shrink(x, size):
    """Averages of blocks where they fit, else triangles around the centres of the smaller pixels."""
    n = x.shape[-1]
    if n % size == 0:
        return F.avg_pool2d(x, n // size)
    scale = n / size
    centres = (torch.arange(size) + 0.5)[:, None] * scale
    weights = F.relu(1 - ((torch.arange(n) + 0.5) - centres).abs() / scale)
    weights = weights / weights.sum(1, keepdim=True)
    return weights @ x @ weights.T


def pairs(G, E, D, x, z, epsilon, y_real, y_fake):
    """Scores of the encoder pairs (E absent: real images) and of the generator pairs; every u moves once."""
    for net in (G, E, D):
        if net is not None:
            prepare(net)
    small = shrink(x, G.o.resolution)
    code = None if E is None else E(x, epsilon)
    generated = G(z, y_fake)
    return D(small, code, y_real), D(generated, z, y_fake)


def discriminator_step(G, E, D, inputs, kind, form):
    """Loss of a D step. The caller reads D's gradients only."""
    real, fake = pairs(G, E, D, *inputs)
    h = (lambda t: F.relu(1 - t)) if kind == "hinge" else (lambda t: F.softplus(-t))
    return put_together(mean_of_terms(real, 1, h) + mean_of_terms(fake, -1, h), len(fake), form), real, fake


def generator_encoder_step(G, E, D, inputs, kind, form):
    """Loss of a G/E step. Without E its real half has no gradient and is left out."""
    real, fake = pairs(G, E, D, *inputs)
    h = (lambda t: t) if kind == "hinge" else F.softplus
    terms = mean_of_terms(fake, -1, h) + ([] if E is None else mean_of_terms(real, 1, h))
    return put_together(terms, len(fake), form), real, fake
