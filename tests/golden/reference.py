# SPDX-License-Identifier: Apache-2.0
"""BigBiGAN networks, losses and training steps in plain PyTorch.

An independent definition used to make the golden dumps of this folder (make_golden.py) and to try out
recipes. Nothing in the C++ program reads this file. Parameter and buffer names are those of the program's
checkpoints. Works in float32 and float64.
"""
from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

SN_EPS = 1e-6
BN_EPS = 1e-5
BN_MOMENTUM = 0.1


@dataclass
class Options:
    block: str = "strided"        # strided | residual
    resolution: int = 32
    channels: int = 1
    ch: int = 24                  # base width of G and F
    z_dim: int = 32
    layout: str = "cg"            # residual only: bgp | sg | cg (32 pixels)
    attention: bool = False       # residual only: one block of self-attention in G and one in F, at 16x16
    n_classes: int = 0            # residual only: 0 = BN conditioned on the z chunk alone, 1 = single label
    d_norm: str = "bn"            # bn | sn | none
    loss: str = "logistic"        # logistic | hinge
    stochastic: bool = False      # E returns mu + softplus(s) * eps, else z directly
    e_ch: int = 0                 # base width of E; 0 = ch
    e_head_width: int = 256
    e_head_depth: int = 0         # residual blocks in E's head; 0 = linear output on the trunk's feature
    h_width: int = 256
    h_depth: int = 2
    j_width: int = 256
    j_depth: int = 2
    mlp_norm: bool = False        # BN inside the blocks of H and J


# ---------------------------------------------------------------------------------------------------- layers

def unit(x: torch.Tensor) -> torch.Tensor:
    return x / torch.clamp(x.norm(), min=SN_EPS)


def spectral_normalise(weight: torch.Tensor, u: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """One power iteration. Returns (weight / sigma, new u); u and v count as constants in backward."""
    matrix = weight.reshape(weight.shape[0], -1)
    with torch.no_grad():
        v = unit(matrix.t() @ u)
        u_new = unit(matrix @ v)
    sigma = torch.dot(u_new, matrix @ v)
    return weight / sigma, u_new


class Weighted(nn.Module):
    """A weight, an optional bias and optional spectral normalisation of the weight.

    With normalisation, `prepare` has to run once per sub-step and before the first use: it moves u and keeps
    the normalised weight, so that several passes in one sub-step see the same weight.
    """

    def __init__(self, shape, bias: bool, sn: bool, n_out: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(shape))
        if bias:
            self.bias = nn.Parameter(torch.zeros(n_out))
        else:
            self.bias = None
        self.sn = sn
        self.normalised = None
        if sn:
            self.register_buffer("u", torch.randn(shape[0]))

    def prepare(self, update: bool = True) -> None:
        if self.sn:
            self.normalised, u = spectral_normalise(self.weight, self.u)
            if update:
                self.u.copy_(u)

    def effective(self) -> torch.Tensor:
        return self.normalised if self.sn else self.weight


class Linear(Weighted):
    def __init__(self, n_in, n_out, bias=True, sn=False):
        super().__init__((n_out, n_in), bias, sn, n_out)

    def forward(self, x):
        return F.linear(x, self.effective(), self.bias)


class Conv(Weighted):
    def __init__(self, n_in, n_out, kernel, stride=1, padding=0, bias=True, sn=False):
        super().__init__((n_out, n_in, kernel, kernel), bias, sn, n_out)
        self.stride, self.padding = stride, padding

    def forward(self, x):
        return F.conv2d(x, self.effective(), self.bias, self.stride, self.padding)


class Deconv(Weighted):
    """Transposed 4x4 convolution, stride 2, padding 1; weight is [in, out, 4, 4]."""

    def __init__(self, n_in, n_out, bias):
        super().__init__((n_in, n_out, 4, 4), bias, False, n_out)

    def forward(self, x):
        return F.conv_transpose2d(x, self.weight, self.bias, stride=2, padding=1)


class BatchNorm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n))
        self.bias = nn.Parameter(torch.zeros(n))
        self.register_buffer("running_mean", torch.zeros(n))
        self.register_buffer("running_var", torch.ones(n))

    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, self.training,
                            BN_MOMENTUM, BN_EPS)


class ConditionalBatchNorm(nn.Module):
    def __init__(self, n, n_condition):
        super().__init__()
        self.gain = Linear(n_condition, n, bias=False, sn=True)
        self.bias = Linear(n_condition, n, bias=False, sn=True)
        self.register_buffer("running_mean", torch.zeros(n))
        self.register_buffer("running_var", torch.ones(n))

    def forward(self, x, condition):
        x = F.batch_norm(x, self.running_mean, self.running_var, None, None, self.training, BN_MOMENTUM, BN_EPS)
        return x * (1 + self.gain(condition))[:, :, None, None] + self.bias(condition)[:, :, None, None]


class Attention(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.theta = Conv(n, max(1, n // 8), 1, bias=False, sn=True)
        self.phi = Conv(n, max(1, n // 8), 1, bias=False, sn=True)
        self.g = Conv(n, n // 2, 1, bias=False, sn=True)
        self.o = Conv(n // 2, n, 1, bias=False, sn=True)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x):
        batch, _, height, width = x.shape
        theta = self.theta(x).flatten(2)
        phi = F.max_pool2d(self.phi(x), 2).flatten(2)
        g = F.max_pool2d(self.g(x), 2).flatten(2)
        beta = torch.softmax(theta.transpose(1, 2) @ phi, dim=-1)
        mixed = (g @ beta.transpose(1, 2)).view(batch, -1, height, width)
        return self.gamma * self.o(mixed) + x


class MlpBlock(nn.Module):
    def __init__(self, n_in, n_out, first, sn, norm):
        super().__init__()
        self.first = first
        self.linear1 = Linear(n_in, n_out, sn=sn)
        if norm:
            self.norm = BatchNorm(n_out)
        else:
            self.norm = None
        self.linear2 = Linear(n_out, n_out, sn=sn)
        if first:
            self.skip = Linear(n_in, n_out, sn=sn)

    def forward(self, x):
        h = self.linear1(x if self.first else F.relu(x))
        if self.norm is not None:
            h = self.norm(h)
        h = self.linear2(F.relu(h))
        return h + (self.skip(x) if self.first else x)


class Mlp(nn.Module):
    def __init__(self, n_in, width, depth, sn=False, norm=False):
        super().__init__()
        self.blocks = nn.ModuleList(
            MlpBlock(n_in if i == 0 else width, width, i == 0, sn, norm) for i in range(depth))

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return F.relu(x)


def upsample(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")


# --------------------------------------------------------------------------------------- the strided family

def strided_levels(o: Options) -> int:
    levels = int(math.log2(o.resolution // 4))
    assert 4 << levels == o.resolution
    return levels


class StridedGenerator(nn.Module):
    def __init__(self, o: Options):
        super().__init__()
        levels = strided_levels(o)
        widths = [o.ch << (levels - 1 - i) for i in range(levels)]
        self.top = widths[0]
        self.linear = Linear(o.z_dim, self.top * 16, bias=False)
        self.norm0 = BatchNorm(self.top)
        self.deconvs = nn.ModuleList()
        self.norms = nn.ModuleList()
        for i in range(levels):
            last = i == levels - 1
            self.deconvs.append(Deconv(widths[i], o.channels if last else widths[i + 1], bias=last))
            if not last:
                self.norms.append(BatchNorm(widths[i + 1]))

    def forward(self, z):
        x = F.relu(self.norm0(self.linear(z).view(-1, self.top, 4, 4)))
        for deconv, norm in zip(self.deconvs, self.norms):
            x = F.relu(norm(deconv(x)))
        return torch.tanh(self.deconvs[-1](x))


class StridedTrunk(nn.Module):
    """F, and E without its output layer. `norm` is bn, sn or none; the first layer never has BN."""

    def __init__(self, o: Options, ch: int, norm: str):
        super().__init__()
        levels = strided_levels(o)
        self.convs = nn.ModuleList()
        # norms.{i} belongs to convs.{i}; there is no norms.0
        self.norms = nn.ModuleDict()
        n_in = o.channels
        for i in range(levels):
            n_out = ch << i
            self.convs.append(Conv(n_in, n_out, 4, 2, 1, bias=i == 0 or norm != "bn", sn=norm == "sn"))
            if i > 0 and norm == "bn":
                self.norms[str(i)] = BatchNorm(n_out)
            n_in = n_out
        self.n_feature = 16 * n_in

    def forward(self, x):
        for i, conv in enumerate(self.convs):
            x = conv(x)
            if str(i) in self.norms:
                x = self.norms[str(i)](x)
            x = F.leaky_relu(x, 0.2)
        return x.flatten(1)


# -------------------------------------------------------------------------------------- the residual family

# output width (times ch) and output resolution of each block of F, and whether the block halves
TRUNK_LAYOUTS = {
    "bgp": ([4, 4, 4, 4], [True, True, False, False]),
    "sg": ([2, 2, 2, 2], [True, True, False, False]),
    "cg": ([2, 2, 2, 2], [True, True, True, False]),
}


class GeneratorBlock(nn.Module):
    def __init__(self, n_in, n_out, n_condition, attention):
        super().__init__()
        self.norm1 = ConditionalBatchNorm(n_in, n_condition)
        self.conv1 = Conv(n_in, n_out, 3, padding=1, sn=True)
        self.norm2 = ConditionalBatchNorm(n_out, n_condition)
        self.conv2 = Conv(n_out, n_out, 3, padding=1, sn=True)
        self.shortcut = Conv(n_in, n_out, 1, sn=True)
        if attention:
            self.attention = Attention(n_out)
        else:
            self.attention = None

    def forward(self, x, condition):
        h = self.conv1(upsample(F.relu(self.norm1(x, condition))))
        h = self.conv2(F.relu(self.norm2(h, condition)))
        h = h + upsample(self.shortcut(x))
        return h if self.attention is None else self.attention(h)


class ResidualGenerator(nn.Module):
    N_BLOCKS = 3
    EMBEDDING = 128

    def __init__(self, o: Options):
        super().__init__()
        assert o.resolution == 32 and o.n_classes in (0, 1)
        assert o.z_dim % (self.N_BLOCKS + 1) == 0
        self.chunk = o.z_dim // (self.N_BLOCKS + 1)
        self.width = 4 * o.ch
        n_condition = self.chunk
        if o.n_classes:
            self.class_embedding = nn.Module()
            self.class_embedding.weight = nn.Parameter(torch.empty(o.n_classes, self.EMBEDDING))
            n_condition += self.EMBEDDING
        else:
            self.class_embedding = None
        self.linear = Linear(self.chunk, self.width * 16, sn=True)
        self.blocks = nn.ModuleList(
            GeneratorBlock(self.width, self.width, n_condition, o.attention and i == 1)
            for i in range(self.N_BLOCKS))
        self.output_norm = BatchNorm(self.width)
        self.output_conv = Conv(self.width, o.channels, 3, padding=1, sn=True)

    def forward(self, z):
        chunks = z.split(self.chunk, dim=1)
        x = self.linear(chunks[0]).view(-1, self.width, 4, 4)
        for block, chunk in zip(self.blocks, chunks[1:]):
            if self.class_embedding is not None:
                label = self.class_embedding.weight[0].expand(z.shape[0], -1)
                chunk = torch.cat([label, chunk], dim=1)
            x = block(x, chunk)
        return torch.tanh(self.output_conv(F.relu(self.output_norm(x))))


class TrunkBlock(nn.Module):
    def __init__(self, n_in, n_out, first, down, attention):
        super().__init__()
        self.first, self.down = first, down
        self.conv1 = Conv(n_in, n_out, 3, padding=1, sn=True)
        self.conv2 = Conv(n_out, n_out, 3, padding=1, sn=True)
        if down or n_in != n_out:
            self.shortcut = Conv(n_in, n_out, 1, sn=True)
        else:
            self.shortcut = None
        if attention:
            self.attention = Attention(n_out)
        else:
            self.attention = None

    def forward(self, x):
        h = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        if self.down:
            h, x = F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)
        h = h + (x if self.shortcut is None else self.shortcut(x))
        return h if self.attention is None else self.attention(h)


class ResidualTrunk(nn.Module):
    def __init__(self, o: Options):
        super().__init__()
        widths, downs = TRUNK_LAYOUTS[o.layout]
        self.blocks = nn.ModuleList()
        n_in = o.channels
        for i, (width, down) in enumerate(zip(widths, downs)):
            self.blocks.append(TrunkBlock(n_in, width * o.ch, i == 0, down, o.attention and i == 0))
            n_in = width * o.ch
        self.n_feature = n_in

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return F.relu(x).sum(dim=(2, 3))


class EncoderBlock(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.norm1 = BatchNorm(n_in)
        self.conv1 = Conv(n_in, n_out, 3, stride, 1, bias=False)
        self.norm2 = BatchNorm(n_out)
        self.conv2 = Conv(n_out, n_out, 3, 1, 1, bias=False)
        if stride != 1 or n_in != n_out:
            self.shortcut = Conv(n_in, n_out, 1, stride, 0, bias=False)
        else:
            self.shortcut = None

    def forward(self, x):
        a = F.relu(self.norm1(x))
        h = self.conv2(F.relu(self.norm2(self.conv1(a))))
        return h + (x if self.shortcut is None else self.shortcut(a))


class ResidualEncoderTrunk(nn.Module):
    """Root, three stages of two pre-activation blocks, a last norm (no ReLU), global average."""

    def __init__(self, o: Options, base: int):
        super().__init__()
        self.root = Conv(o.channels, base, 3, 1, 1, bias=False)
        self.stages = nn.ModuleList()
        n_in = base
        for s in range(3):
            n_out = base << s
            self.stages.append(nn.ModuleList([
                EncoderBlock(n_in, n_out, 1 if s == 0 else 2), EncoderBlock(n_out, n_out, 1)]))
            n_in = n_out
        self.norm = BatchNorm(n_in)
        self.n_feature = n_in

    def forward(self, x):
        x = self.root(x)
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return self.norm(x).mean(dim=(2, 3))


# ------------------------------------------------------------------------------------------------ E and D

def make_generator(o: Options) -> nn.Module:
    return StridedGenerator(o) if o.block == "strided" else ResidualGenerator(o)


def make_encoder(o: Options) -> nn.Module:
    """E; the names of its trunk stand at the top level (convs.0.weight, root.weight, ...)."""
    base = StridedTrunk if o.block == "strided" else ResidualEncoderTrunk
    trunk_arguments = (o.e_ch or o.ch, "bn") if o.block == "strided" else (o.e_ch or o.ch,)

    class Encoder(base):
        def __init__(self):
            super().__init__(o, *trunk_arguments)
            n = self.n_feature
            if o.e_head_depth:
                self.head = Mlp(n, o.e_head_width, o.e_head_depth)
                n = o.e_head_width
            else:
                self.head = None
            self.output = Linear(n, 2 * o.z_dim if o.stochastic else o.z_dim)

        def forward(self, x, eps=None):
            """Returns (sample, mu, feature); the feature is the trunk's."""
            feature = super().forward(x)
            out = self.output(feature if self.head is None else self.head(feature))
            if not o.stochastic:
                return out, out, feature
            mu, s = out.chunk(2, dim=1)
            return (mu if eps is None else mu + F.softplus(s) * eps), mu, feature

    return Encoder()


class Discriminator(nn.Module):
    def __init__(self, o: Options):
        super().__init__()
        # The trunk of the residual family always has spectral norm.
        sn = o.d_norm == "sn"
        self.F = StridedTrunk(o, o.ch, o.d_norm) if o.block == "strided" else ResidualTrunk(o)
        self.H = Mlp(o.z_dim, o.h_width, o.h_depth, sn, o.mlp_norm)
        self.J = Mlp(self.F.n_feature + o.h_width, o.j_width, o.j_depth, sn, o.mlp_norm)
        self.score_x = Linear(self.F.n_feature, 1, sn=sn)
        self.score_z = Linear(o.h_width, 1, sn=sn)
        self.score_xz = Linear(o.j_width, 1, sn=sn)

    def forward(self, x, z):
        """Returns the scores (s_x, s_z, s_xz), each [N]."""
        f, h = self.F(x), self.H(z)
        j = self.J(torch.cat([f, h], dim=1))
        return self.score_x(f)[:, 0], self.score_z(h)[:, 0], self.score_xz(j)[:, 0]


def initialise(net: nn.Module, kind: str = "orthogonal") -> None:
    """Orthogonal rows on [out, rest] (transposed convolutions: [in, rest], as stored) or N(0, 0.02)."""
    for parameter in net.parameters():
        if parameter.dim() >= 2:
            if kind == "orthogonal":
                nn.init.orthogonal_(parameter)
            else:
                nn.init.normal_(parameter, 0.0, 0.02)


def prepare(net: nn.Module, update: bool = True) -> None:
    for module in net.modules():
        if isinstance(module, Weighted):
            module.prepare(update)


# -------------------------------------------------------------------------------------------------- losses

def discriminator_loss(kind: str, real, fake) -> torch.Tensor:
    """Sum over the score terms; mean over the batch. real: encoder pairs (y = +1), fake: generator pairs."""
    if kind == "hinge":
        def term(s, y): return F.relu(1 - y * s).mean()
    else:
        def term(s, y): return F.softplus(-y * s).mean()
    return sum(term(s, 1.0) for s in real) + sum(term(s, -1.0) for s in fake)


def generator_encoder_loss(kind: str, real, fake) -> torch.Tensor:
    """hinge: y (s_x + s_z + s_xz), linear; logistic: the labels swapped (non-saturating)."""
    if kind == "hinge":
        def term(s, y): return (y * s).mean()
    else:
        def term(s, y): return F.softplus(y * s).mean()
    return sum(term(s, 1.0) for s in real) + sum(term(s, -1.0) for s in fake)


# --------------------------------------------------------------------------------------------------- steps

@dataclass
class Pass:
    """What one forward pass of a sub-step gave."""
    loss: torch.Tensor
    real: tuple            # scores of the encoder pairs (x, E(x)): s_x, s_z, s_xz
    fake: tuple            # scores of the generator pairs (G(z), z)
    x_hat: torch.Tensor    # G(z)
    z_hat: torch.Tensor    # sample of E(x)
    mu: torch.Tensor
    feature: torch.Tensor


def discriminator_pass(o: Options, G, E, D, x, z, eps=None) -> Pass:
    """Forward of one D step: E and G without a graph but in training mode.

    The encoder pairs pass through D first, then the generator pairs, each with BN statistics of its own.
    """
    for net in (G, E, D):
        prepare(net)
    with torch.no_grad():
        z_hat, mu, feature = E(x, eps)
        x_hat = G(z)
    real, fake = D(x, z_hat), D(x_hat, z)
    return Pass(discriminator_loss(o.loss, real, fake), real, fake, x_hat, z_hat, mu, feature)


def generator_encoder_pass(o: Options, G, E, D, x, z, eps=None) -> Pass:
    """Forward of one joint G/E step. The caller freezes D's parameters (requires_grad_(False))."""
    for net in (G, E, D):
        prepare(net)
    z_hat, mu, feature = E(x, eps)
    x_hat = G(z)
    real, fake = D(x, z_hat), D(x_hat, z)
    return Pass(generator_encoder_loss(o.loss, real, fake), real, fake, x_hat, z_hat, mu, feature)


@torch.no_grad()
def update_ema(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Parameters: average += (1 - decay) (parameter - average). Buffers are copied."""
    for a, p in zip(average.parameters(), net.parameters()):
        a.lerp_(p, 1.0 - decay)
    for a, b in zip(average.buffers(), net.buffers()):
        a.copy_(b)
