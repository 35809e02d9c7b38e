#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The training step of bbg_bench in Python: PyTorch DDP over gloo, the same networks from the same weights.

    ddp_step.py --start START.safetensors --variant plain|tuned [--ranks 2] [--steps 10] [--bf16] [--compile]

START is what `bbg_bench --bench.write-start` wrote: weights, images, noise, and the losses that our step had with
them. The first steps repeat those and must give the same losses; then follow the timed steps, with new noise. Each
rank has one thread and a core of its own. Prints one line of JSON.

plain   what a competent user writes first: networks as published, spectral norm by one power iteration a sub-step,
        batch norm whose packed statistics are all-reduced by an autograd function (SyncBatchNorm is for GPUs), one
        DistributedDataParallel around D and one around G and E, D frozen in their step, Adam, EMA by one foreach.
tuned   the same with channels-last, fused kernels in the batch norm, no graph through F(real) and H(z) in the step
        of G and E, fused Adam, static_graph and gradient_as_bucket_view.

START may be in float64: then losses agree to rounding. --bf16 runs the forward passes under autocast. --compile puts
torch.compile around F, G and E. tests/bench/requirements.txt lists what PyTorch needs beside the wheels of launch/setup.
"""
import argparse
import configparser
import contextlib
import json
import os
import pathlib
import socket
import statistics
import subprocess
import sys
import time

import torch
import torch.distributed as dist
import torch.nn.functional as F
from safetensors import safe_open
from torch import nn
from torch.nn.parallel import DistributedDataParallel

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "golden"))
import biggan_reference as networks  # noqa: E402
import reference  # noqa: E402
from encoders_reference import Encoder  # noqa: E402

# In float64 the losses of three steps agree to 1e-12. In float32 only the first step's count: sums in another order are
# enlarged by Adam, whose first steps have the size of the rate whatever the gradient's, and the third losses differ by
# up to 1e-2. With bfloat16 only the first few digits can agree.
LOSS_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-3, torch.bfloat16: 0.2}


# ------------------------------------------------------------------------------------------------ batch norm

def up(x):
    return x.float() if x.dtype == torch.bfloat16 else x


class PlainNormalise(torch.autograd.Function):
    """(x - mean) / sqrt(var + eps) over the batch of all ranks: one all-reduce forward, one backward."""

    @staticmethod
    def forward(ctx, x, eps):
        x = up(x)
        var, mean = torch.var_mean(x, (0, 2, 3), unbiased=False)
        packed = torch.cat([mean, var + mean * mean])
        dist.all_reduce(packed)
        mean, square = (packed / dist.get_world_size()).chunk(2)
        var = square - mean * mean
        inverse = torch.rsqrt(var + eps)[:, None, None]
        normalised = (x - mean[:, None, None]) * inverse
        ctx.save_for_backward(normalised, inverse)
        ctx.mark_non_differentiable(mean, var)
        return normalised, mean, var

    @staticmethod
    def backward(ctx, gradient, *_):
        normalised, inverse = ctx.saved_tensors
        packed = torch.cat([gradient.mean((0, 2, 3)), (gradient * normalised).mean((0, 2, 3))])
        dist.all_reduce(packed)
        mean, slope = (packed / dist.get_world_size()).chunk(2)
        return (gradient - mean[:, None, None] - normalised * slope[:, None, None]) * inverse, None


class TunedNormalise(torch.autograd.Function):
    """The same in ATen's fused kernels, and with one addcmul less a pass: the input's gradient is a g + b x + c."""

    @staticmethod
    def forward(ctx, x, eps):
        x = up(x)
        var, mean = torch.var_mean(x, (0, 2, 3), unbiased=False)
        packed = torch.cat([mean, torch.addcmul(var, mean, mean)])
        dist.all_reduce(packed)
        mean, square = packed.div_(dist.get_world_size()).chunk(2)
        var = torch.addcmul(square, mean, mean, value=-1)
        normalised = torch.batch_norm(x, None, None, mean, var, False, 0.0, eps, False)
        ctx.save_for_backward(x, mean, torch.rsqrt(var + eps))
        ctx.mark_non_differentiable(mean, var)
        return normalised, mean, var

    @staticmethod
    def backward(ctx, gradient, *_):
        x, mean, inverse = ctx.saved_tensors
        # The sums of g and of g (x - mean) * inverse, in one pass.
        _, slope, total = torch.ops.aten.native_batch_norm_backward(
            gradient, x, torch.ones_like(mean), None, None, mean, inverse, True, 0.0, [False, True, True])
        packed = torch.cat([total, slope])
        dist.all_reduce(packed)
        count = x.numel() // x.shape[1] * dist.get_world_size()
        total, slope = packed.div_(count).chunk(2)
        of_x = -inverse * inverse * slope
        constant = -inverse * total - of_x * mean
        result = torch.addcmul(constant[:, None, None], x, of_x[:, None, None])
        return result.addcmul_(gradient, inverse[:, None, None]), None


class CrossReplicaNorm(nn.Module):
    """Without gain and bias; names and shapes of the buffers are those of the reference's layers."""
    function = PlainNormalise
    eps = 1e-5

    def normalise(self, x):
        normalised, mean, var = self.function.apply(x, self.eps)
        with torch.no_grad():
            count = x.numel() // x.shape[1] * dist.get_world_size()
            self.running_mean.lerp_(mean, reference.BN_MOMENTUM)
            self.running_var.lerp_(var * (count / (count - 1)), reference.BN_MOMENTUM)
        return normalised


class PlainNorm(CrossReplicaNorm):
    def forward(self, x):
        return self.normalise(x) * self.weight[:, None, None] + self.bias[:, None, None]


class ConditionalNorm(CrossReplicaNorm):
    def forward(self, x, condition):
        x = self.normalise(x)
        return x * (1 + self.gain(condition))[:, :, None, None] + self.bias(condition)[:, :, None, None]


class TunedPlainNorm(PlainNorm):
    def forward(self, x):
        return torch.addcmul(self.bias[:, None, None], self.normalise(x), self.weight[:, None, None])


class TunedConditionalNorm(ConditionalNorm):
    def forward(self, x, condition):
        gain, bias = 1 + self.gain(condition), self.bias(condition)
        return torch.addcmul(bias[:, :, None, None], self.normalise(x), gain[:, :, None, None])


def across_replicas(net, eps, is_tuned):
    """Gives the norms of `net` statistics over all ranks; parameters, buffers and names stay."""
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, reference.BatchNorm)):
            module.__class__ = TunedPlainNorm if is_tuned else PlainNorm
        elif isinstance(module, reference.ConditionalBatchNorm):
            module.__class__ = TunedConditionalNorm if is_tuned else ConditionalNorm
        if isinstance(module, CrossReplicaNorm):
            module.function = TunedNormalise if is_tuned else PlainNormalise
            module.eps = eps
    return net


# -------------------------------------------------------------------------------------------------- networks

class GeneratorEncoder(nn.Module):
    """G and E as one module, since they learn together and DDP wants all gradients from one forward."""

    def __init__(self, generator, encoder):
        super().__init__()
        self.G, self.E = generator, encoder

    def forward(self, z, images, epsilon):
        reference.prepare(self.G)
        return self.G(z), self.E(images, epsilon)


class PairDiscriminator(nn.Module):
    """D on encoder pairs and generator pairs in one pass; its forward begins the sub-step."""

    def __init__(self, discriminator):
        super().__init__()
        self.D = discriminator

    def forward(self, images, codes):
        reference.prepare(self.D)
        return [score.chunk(2) for score in self.D(images, codes).values()]

    def scores_for_others(self, images, code, generated, z):
        """For the step of G and E: F(images) and H(z) depend on neither, so they leave no graph."""
        reference.prepare(self.D)
        D = self.D
        with torch.no_grad():
            f_real, h_prior = D.F(images), D.H(z)
        f_fake, h_code = D.F(generated), D.H(code)
        f, h = torch.cat([f_real, f_fake]), torch.cat([h_code, h_prior])
        j = D.J(torch.cat([f, h], 1))
        return [head(feature)[:, 0].chunk(2) for head, feature in
                ((D.score_x, f), (D.score_z, h), (D.score_xz, j))]


def discriminator_loss(scores):
    return sum(F.relu(1 - real).mean() + F.relu(1 + fake).mean() for real, fake in scores)


def generator_encoder_loss(scores):
    return sum(real.mean() - fake.mean() for real, fake in scores)


def build(model, cls, **more):
    """An options object of the reference from the section `model` of the configuration."""
    kinds = {"bool": lambda text: text == "true", "int": int, "str": str}
    values = {name: kinds[field.type](model[name.replace("_", "-")])
              for name, field in cls.__dataclass_fields__.items() if name.replace("_", "-") in model}
    return cls(**(values | more))


# ------------------------------------------------------------------------------------------------------ steps

class Training:
    def __init__(self, start, variant, is_compiled, is_bf16):
        self.is_tuned = variant == "tuned"
        self.is_bf16 = is_bf16
        config = start["config"]
        model, train = config["model"], config["train"]
        options = build(model, networks.Options, encoder="small", terms="x z xz")
        eps = model.getfloat("bn-eps")
        nets = {"G": across_replicas(networks.Generator(options), eps, self.is_tuned),
                "E": across_replicas(Encoder(options), eps, self.is_tuned),
                "D": networks.Discriminator(options)}
        for name, net in nets.items():
            tensors = {key[2:]: value for key, value in start["tensors"].items() if key.startswith(name + ".")}
            missing, unexpected = net.load_state_dict(tensors, strict=False)
            missing = [key for key in missing if not key.endswith("num_batches_tracked")]
            if missing or unexpected:
                raise ValueError(f"{name}: the start lacks {missing} and has {unexpected} too much")
        if self.is_tuned:
            for net in nets.values():
                net.to(memory_format=torch.channels_last)
        if is_compiled:
            nets["G"].compile()
            nets["E"].trunk[0].compile()
            nets["D"].F.compile()
        ddp = {"broadcast_buffers": False}  # they are equal on all ranks as it is
        if self.is_tuned:
            ddp |= {"gradient_as_bucket_view": True, "static_graph": True}
        self.ge = DistributedDataParallel(GeneratorEncoder(nets["G"], nets["E"]), **ddp)
        self.d = DistributedDataParallel(PairDiscriminator(nets["D"]), **ddp)
        self.average = {name: [p.detach().clone() for p in nets[name].parameters()] for name in "GE"}
        self.averaged = {name: [p.detach() for p in nets[name].parameters()] for name in "GE"}
        self.keep = 1 - train.getfloat("ema-decay")
        common = {"betas": (train.getfloat("beta1"), train.getfloat("beta2")), "eps": train.getfloat("adam-eps")}
        if self.is_tuned:
            common["fused"] = True
        self.adam_ge = torch.optim.Adam([{"params": nets["G"].parameters(), "lr": train.getfloat("lr-g")},
                                         {"params": nets["E"].parameters(), "lr": train.getfloat("lr-e")}], **common)
        self.adam_d = torch.optim.Adam(nets["D"].parameters(), lr=train.getfloat("lr-d"), **common)
        self.seconds = dict.fromkeys(["d", "ge", "optimizer", "ema"], 0.0)

    def autocast(self):
        return torch.autocast("cpu", torch.bfloat16) if self.is_bf16 else contextlib.nullcontext()

    @contextlib.contextmanager
    def timed(self, phase):
        start = time.perf_counter()
        yield
        self.seconds[phase] += time.perf_counter() - start

    def update_discriminator(self, images, z, epsilon):
        with self.timed("d"):
            with self.autocast():
                with torch.no_grad():
                    generated, code = self.ge.module(z, images, epsilon)
                scores = self.d(torch.cat([images, generated]), torch.cat([code, z]))
            loss = discriminator_loss([[up(s) for s in pair] for pair in scores])
            self.adam_d.zero_grad()
            loss.backward()
        with self.timed("optimizer"):
            self.adam_d.step()
        return loss.detach()

    def update_generator_encoder(self, images, z, epsilon):
        with self.timed("ge"):
            self.d.requires_grad_(False)
            with self.autocast():
                generated, code = self.ge(z, images, epsilon)
                if self.is_tuned:
                    scores = self.d.module.scores_for_others(images, code, generated, z)
                else:
                    scores = self.d.module(torch.cat([images, generated]), torch.cat([code, z]))
            loss = generator_encoder_loss([[up(s) for s in pair] for pair in scores])
            self.adam_ge.zero_grad()
            loss.backward()
            self.d.requires_grad_(True)
        with self.timed("optimizer"):
            self.adam_ge.step()
        with self.timed("ema"):
            for name, average in self.average.items():
                torch._foreach_lerp_(average, self.averaged[name], self.keep)
        return loss.detach()

    def step(self, images, noise):
        """noise: z and epsilon of the update of D, then of that of G and E."""
        return self.update_discriminator(images, *noise[0]), self.update_generator_encoder(images, *noise[1])


def read_start(path):
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
        config = configparser.ConfigParser(delimiters="=", interpolation=None)
        config.read_string(file.metadata()["config"])
    return {"tensors": tensors, "config": config}


def check_losses(training, start, images, rows):
    """Makes the steps that START holds; the largest difference from our losses over those that count (LOSS_TOLERANCE)."""
    tensors, worst = start["tensors"], 0.0
    num_checked = len(tensors["bench.losses"]) if torch.get_default_dtype() == torch.float64 else 1
    for step, expected in enumerate(tensors["bench.losses"]):
        noise = [tuple(rows(tensors[f"bench.{name}.{2 * step + k}"]) for name in ("z", "epsilon")) for k in range(2)]
        own = torch.stack(training.step(images, noise)).double()
        dist.all_reduce(own)
        if step < num_checked:
            worst = max(worst, (own / dist.get_world_size() - expected).abs().max().item())
    return worst


def work(arguments):
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    torch.set_num_threads(1)
    torch.manual_seed(rank)
    dist.init_process_group("gloo")
    start = read_start(arguments.start)
    torch.set_default_dtype(start["tensors"]["bench.z.0"].dtype)
    images = start["tensors"]["bench.images"].to(torch.get_default_dtype())
    share = len(images) // size

    def rows(tensor):
        return tensor[rank * share:(rank + 1) * share]

    training = Training(start, arguments.variant, arguments.compile, arguments.bf16)
    images = rows(images)
    if training.is_tuned:
        images = images.contiguous(memory_format=torch.channels_last)
    difference = check_losses(training, start, images, rows)
    if not difference <= LOSS_TOLERANCE[torch.bfloat16 if arguments.bf16 else images.dtype]:
        raise ValueError(f"losses differ from those of our step by {difference:.1e}: not the same training")
    z_dim = start["tensors"]["bench.z.0"].shape[1]
    training.seconds = dict.fromkeys(training.seconds, 0.0)
    times = []
    for _ in range(arguments.steps):
        dist.barrier()
        begin = time.perf_counter()
        training.step(images, [(torch.randn(share, z_dim), torch.randn(share, z_dim)) for _ in range(2)])
        times.append(time.perf_counter() - begin)
    if rank == 0:
        print(json.dumps({
            "name": f"ddp-{arguments.variant}", "ranks": size, "dtype": "bfloat16" if arguments.bf16 else str(images.dtype)[6:],
            "global_batch": share * size, "loss_difference": difference,
            "step_ms": [1e3 * t for t in times], "median_ms": 1e3 * statistics.median(times),
            "phases_ms": {name: 1e3 * t / len(times) for name, t in training.seconds.items()}}))
    dist.destroy_process_group()


def launch(arguments):
    """Starts this script once a rank, each on a core of its own; the exit code is the first failure's."""
    cores = sorted(os.sched_getaffinity(0))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = []
    for rank in range(arguments.ranks):
        core = cores[rank % len(cores)]
        environment = os.environ | {"RANK": str(rank), "WORLD_SIZE": str(arguments.ranks), "OMP_NUM_THREADS": "1",
                                    "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        ranks.append(subprocess.Popen([sys.executable, "-B", *sys.argv], env=environment,
                                      preexec_fn=lambda core=core: os.sched_setaffinity(0, {core})))
    try:
        while any(rank.poll() is None for rank in ranks) and not any(rank.poll() for rank in ranks):
            time.sleep(0.05)  # one that has failed leaves the others waiting in a collective
        return next((rank.returncode for rank in ranks if rank.returncode), 0)
    finally:
        for rank in ranks:
            rank.kill()
            rank.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--start", required=True)
    parser.add_argument("--variant", choices=["plain", "tuned"], default="plain")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    if "RANK" not in os.environ:
        return launch(arguments)
    return work(arguments)


if __name__ == "__main__":
    sys.exit(main())
