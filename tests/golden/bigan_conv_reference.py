# SPDX-License-Identifier: Apache-2.0
"""BiGAN's ImageNet networks in plain PyTorch.

An independent definition for the digests of this folder (make_biggan_golden.py); nothing in the C++ program
reads it. Layers are those of Donahue et al. 2017 and of its code (deconvnet_64, convnet_64 and
alexnet_group_padpool there): no biases but those of norms; the code enters every layer of G but the last and
every layer of D but the first, through a linear map of its own before the norm; D and the encoder end in flat
maps. A transposed convolution is written as a convolution over the input with zeros between its pixels, a
convolution in groups as several. Parameter and buffer names are those of the program's checkpoints.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

import bigan_reference
from bigan_reference import leaky
from reference import BN_EPS, BN_MOMENTUM


@dataclass
class Options(bigan_reference.Options):
    """As of the MNIST networks, with values of these."""
    block: str = "bigan"
    resolution: int = 16
    channels: int = 3
    width: int = 2
    encoder: str = "alexnet"
    e_width: int = 2


class Norm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(n)), nn.Parameter(torch.zeros(n))
        self.register_buffer("running_mean", torch.zeros(n))
        self.register_buffer("running_var", torch.ones(n))

    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training,
                            BN_MOMENTUM, BN_EPS)


class Weight(nn.Module):
    def __init__(self, *shape):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(*shape))


class Linear(Weight):
    def forward(self, x):
        return x @ self.weight.T


class Conv(Weight):
    def __init__(self, n_in, n_out, kernel, stride, groups=1):
        super().__init__(n_out, n_in // groups, kernel, kernel)
        self.stride, self.groups, self.pad = stride, groups, (kernel - 1) // 2

    def forward(self, x):
        parts = zip(x.chunk(self.groups, 1), self.weight.chunk(self.groups, 0))
        return torch.cat([F.conv2d(h, w, stride=self.stride, padding=self.pad) for h, w in parts], 1)


class Deconv(Weight):
    """Twice the size: the pixels of x stand at even places."""

    def __init__(self, n_in, n_out):
        super().__init__(n_in, n_out, 5, 5)

    def forward(self, x):
        n, c, h, w = x.shape
        spread = torch.stack([x, torch.zeros_like(x)], -1).reshape(n, c, h, 2 * w)
        spread = torch.stack([spread, torch.zeros_like(spread)], 3).reshape(n, c, 2 * h, 2 * w)
        return F.conv2d(spread, self.weight.transpose(0, 1).flip(2, 3), padding=2)


class Generator(nn.Module):
    def __init__(self, o: Options):
        super().__init__()
        self.o = o
        w, self.size = o.g_width or o.width, o.resolution // 16
        n_seed = 8 * w * self.size**2
        self.linear, self.norm0 = Linear(n_seed, o.z_dim), Norm(n_seed)
        self.widths = [4 * w, 2 * w, w]
        self.code = Linear(sum(self.widths), o.z_dim)
        self.deconvs = nn.ModuleList([Deconv(8 * w, 4 * w), Deconv(4 * w, 2 * w), Deconv(2 * w, w)])
        self.norms = nn.ModuleList([Norm(n) for n in self.widths])
        self.output = Deconv(w, o.channels)

    def forward(self, z, labels=None):
        h = torch.relu(self.norm0(self.linear(z))).reshape(len(z), -1, self.size, self.size)
        start = 0
        for deconv, norm, width in zip(self.deconvs, self.norms, self.widths):
            code = z @ self.code.weight[start:start + width].T
            h = torch.relu(norm(deconv(h) + code[:, :, None, None]))
            start += width
        return 2 * torch.sigmoid(self.output(h)) - 1


class Encoder(nn.Module):
    def __init__(self, o: Options):
        super().__init__()
        assert o.e_head_depth == 0
        self.o = o
        w = o.e_width
        self.convs = nn.ModuleList([
            Conv(o.channels, 3 * w, 11, 4), Conv(3 * w, 8 * w, 5, 1, groups=2), Conv(8 * w, 12 * w, 3, 1),
            Conv(12 * w, 12 * w, 3, 1, groups=2), Conv(12 * w, 8 * w, 3, 1, groups=2)])
        self.norms = nn.ModuleDict({str(i): Norm(self.convs[i].weight.shape[0]) for i in range(1, 5)})
        size = -(-(o.e_resolution or o.resolution) // 16)
        self.output = Linear(o.z_dim * (2 if o.e_stochastic else 1), 8 * w * size**2)

    def forward(self, x, epsilon):
        pool = nn.MaxPool2d(3, stride=2, padding=1)
        h = pool(leaky(self.convs[0](x)))
        h = pool(leaky(self.norms["1"](self.convs[1](h))))
        for i in (2, 3, 4):
            h = leaky(self.norms[str(i)](self.convs[i](h)))
        t = self.output(h.reshape(len(x), -1))
        if self.o.e_stochastic:
            mean, s = t.chunk(2, 1)
            return mean + F.softplus(s) * epsilon
        return 2 * torch.sigmoid(t) - 1 if self.o.prior == "uniform" else t


class Joint(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.convs = nn.ModuleList([Conv(w, 2 * w, 5, 2), Conv(2 * w, 4 * w, 5, 2), Conv(4 * w, 8 * w, 5, 2)])
        self.norms = nn.ModuleList([Norm(2 * w), Norm(4 * w), Norm(8 * w)])


class Discriminator(nn.Module):
    def __init__(self, o: Options):
        super().__init__()
        w, n_flat = o.width, 8 * o.width * (o.resolution // 16)**2
        self.F = Conv(o.channels, w, 5, 2)
        self.H = Linear(14 * w, o.z_dim) if o.system == "bigan" else None
        self.J = Joint(w)
        if o.system == "bigan":
            self.score_xz = Linear(1, n_flat)
        else:
            self.score_x = Linear(1, n_flat)

    def forward(self, x, z=None, labels=None):
        """Returns {term: [N]}."""
        h, start = leaky(self.F(x)), 0
        for conv, norm in zip(self.J.convs, self.J.norms):
            h = conv(h)
            if self.H is not None:
                code = z @ self.H.weight[start:start + h.shape[1]].T
                start += h.shape[1]
                h = h + code[:, :, None, None]
            h = leaky(norm(h))
        flat = h.reshape(len(x), -1)
        return {"x": self.score_x(flat)[:, 0]} if self.H is None else {"xz": self.score_xz(flat)[:, 0]}
