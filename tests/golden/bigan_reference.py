# SPDX-License-Identifier: Apache-2.0
"""BiGAN's permutation-invariant MNIST networks and its simultaneous update in plain PyTorch.

An independent definition for the digests of this folder (make_biggan_golden.py); nothing in the C++ program
reads it. Sizes and layers are those of Donahue et al. 2017 and of its code: images are flat vectors in [0, 1],
linear maps have no biases, norms neither gain nor bias, the code enters G twice and D's second layer.
Parameter and buffer names are those of the program's checkpoints.
"""
from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from reference import BN_EPS, BN_MOMENTUM


@dataclass
class Options:
    """Names and values as in the section `model` of the program's configuration."""
    system: str = "bigan"         # bigan | gan (then D does not see the code)
    block: str = "mlp"
    resolution: int = 9
    e_resolution: int = 0         # of E's images; 0 = resolution
    channels: int = 1
    z_dim: int = 5
    prior: str = "uniform"        # normal | uniform
    width: int = 7                # of D
    g_width: int = 0              # 0 = width
    d_norm: str = "bn"
    e_stochastic: bool = False
    e_width: int = 6
    e_head_depth: int = 0

    @property
    def conditional(self):
        return False


def pixels(x):
    """From [-1, 1] to flat vectors in [0, 1]."""
    return (x.reshape(len(x), -1) + 1) * 0.5


class Map(nn.Module):
    """A matrix, and the batch norm that follows it where there is one."""

    def __init__(self, n_in, n_out, norm=False):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_out, n_in))
        self.norm = Norm(n_out) if norm else None

    def forward(self, x, more=0):
        x = x @ self.weight.T + more
        return x if self.norm is None else self.norm(x)


class Norm(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.register_buffer("running_mean", torch.zeros(n))
        self.register_buffer("running_var", torch.ones(n))

    def forward(self, x):
        return F.batch_norm(x, self.running_mean, self.running_var, None, None, self.training, BN_MOMENTUM, BN_EPS)


def leaky(x):
    return torch.where(x > 0, x, 0.2 * x)


class Generator(nn.Module):
    def __init__(self, o: Options):
        super().__init__()
        self.o = o
        width = o.g_width or o.width
        self.layers = nn.ModuleList([Map(o.z_dim, width, norm=True), Map(width, width, norm=True)])
        self.code = Map(o.z_dim, width)
        self.output = Map(width, o.channels * o.resolution**2)

    def forward(self, z, labels=None):
        h = torch.relu(self.layers[0](z))
        h = torch.relu(self.layers[1](h, self.code(z)))
        image = torch.sigmoid(self.output(h))
        return (2 * image - 1).reshape(-1, self.o.channels, self.o.resolution, self.o.resolution)


def code_of(o, t):
    """Mean and deviation (None: a point) of a code from E's last linear map; a point obeys the uniform prior."""
    if o.e_stochastic:
        mean, s = t.chunk(2, 1)
        return mean, F.softplus(s)
    return (2 * torch.sigmoid(t) - 1 if o.prior == "uniform" else t), None


class Encoder(nn.Module):
    def __init__(self, o):
        super().__init__()
        assert o.e_head_depth == 0
        self.o = o
        size = o.e_resolution or o.resolution
        self.layers = nn.ModuleList([Map(o.channels * size**2, o.e_width), Map(o.e_width, o.e_width, norm=True)])
        self.output = Map(o.e_width, o.z_dim * (2 if o.e_stochastic else 1))

    def distribution(self, x):
        """Returns mean, sigma (None: a point), feature before the output."""
        feature = leaky(self.layers[1](leaky(self.layers[0](pixels(x)))))
        return *code_of(self.o, self.output(feature)), feature

    def forward(self, x, epsilon):
        mean, sigma, _ = self.distribution(x)
        return mean if sigma is None else mean + sigma * epsilon


class Discriminator(nn.Module):
    def __init__(self, o: Options):
        super().__init__()
        self.F = Map(o.channels * o.resolution**2, o.width)
        self.H = Map(o.z_dim, o.width) if o.system == "bigan" else None
        self.J = Map(o.width, o.width, norm=True)
        if o.system == "bigan":
            self.score_xz = Map(o.width, 1)
        else:
            self.score_x = Map(o.width, 1)

    def forward(self, x, z=None, labels=None):
        """Returns {term: [N]}."""
        f = leaky(self.F(pixels(x)))
        if self.H is None:
            return {"x": self.score_x(leaky(self.J(f)))[:, 0]}
        return {"xz": self.score_xz(leaky(self.J(f, self.H(z))))[:, 0]}


# ------------------------------------------------------------------------------------------ simultaneous update

class Adam:
    """Kingma & Ba 2015, algorithm 1, with the L2 term in the gradient; rounds as torch.optim.Adam does."""

    def __init__(self, parameters, lr, beta1, beta2, eps, weight_decay):
        self.parameters, self.lr, self.betas = list(parameters), lr, (beta1, beta2)
        self.eps, self.weight_decay, self.t = eps, weight_decay, 0
        self.m = [torch.zeros_like(p) for p in self.parameters]
        self.v = [torch.zeros_like(p) for p in self.parameters]

    @torch.no_grad()
    def step(self, gradients):
        self.t += 1
        for p, g, m, v in zip(self.parameters, gradients, self.m, self.v):
            g = g + self.weight_decay * p
            m.lerp_(g, 1 - self.betas[0])
            v.mul_(self.betas[1]).addcmul_(g, g, value=1 - self.betas[1])
            rate = self.lr / (1 - self.betas[0]**self.t)
            p.addcdiv_(m, v.sqrt() / (1 - self.betas[1]**self.t)**0.5 + self.eps, value=-rate)


def losses(G, E, D, x, z):
    """Means over the two kinds of pairs of the cross-entropy of D's answers, and of its opposite."""
    real, fake = D(x, E(x, None))["xz"], D(G(z), z)["xz"]
    one, zero = torch.ones_like(real), torch.zeros_like(real)
    cross = F.binary_cross_entropy_with_logits
    return (0.5 * (cross(real, one) + cross(fake, zero)), 0.5 * (cross(real, zero) + cross(fake, one)))


def simultaneous_update(G, E, D, x, z, of_d: Adam, of_ge: Adam):
    """One update of all networks; G and E share an Adam. Returns the losses and the gradients before L2."""
    loss_d, loss_ge = losses(G, E, D, x, z)
    grad_d = torch.autograd.grad(loss_d, of_d.parameters, retain_graph=True)
    grad_ge = torch.autograd.grad(loss_ge, of_ge.parameters)
    of_d.step(grad_d)
    of_ge.step(grad_ge)
    return loss_d, loss_ge, grad_d, grad_ge
