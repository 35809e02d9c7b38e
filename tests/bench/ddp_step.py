#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The training step of bbg_bench in Python: plain PyTorch, the same networks from the same weights.

    ddp_step.py --start START.safetensors --variant plain|tuned [--ranks 2] [--steps 10] [--bf16] [--compile]
    ddp_step.py --start START.safetensors --device cuda --ranks 1 [--batch 256] [--tf32] [--bf16] [--compile] [--search] ...
    ddp_step.py --flops START.safetensors|CONFIG.ini

START is what `bbg_bench --bench.write-start` wrote: weights, images, noise, and the losses that our step had with
them. The first steps repeat those and must give the same losses; then follow the timed steps, with new noise: on the
same images, or on another number of them (--batch). Prints one line of JSON.

Several ranks: DDP over gloo, each rank with one thread and a core of its own. One rank, on a CPU's core or a GPU: no
DDP, no collectives, and PyTorch's own batch norm, whose arithmetic is float32 under autocast too. A GPU is waited
for before the first and after the last timed step only; events between them give the steps' times.

plain   what a competent user writes first: networks as published, spectral norm by one power iteration a sub-step,
        batch norm whose packed statistics are all-reduced by an autograd function (SyncBatchNorm is for GPUs), one
        DistributedDataParallel around D and one around G and E, D frozen in their step, Adam, EMA by one foreach.
tuned   the same with channels-last, fused kernels in the batch norm, no graph through F(real) and H(z) in the step
        of G and E, fused Adam, static_graph and gradient_as_bucket_view.

START may be in float64: then losses agree to rounding. --bf16 runs the forward passes under autocast; --tf32 lets a GPU
multiply float32 in TensorFloat-32. --compile puts torch.compile around F, G and E; --search lets cuDNN time its algorithms
for each convolution and keep the fastest (torch.backends.cudnn.benchmark). --flops counts the floating-point
operations of convolutions and matrix products in one step; it reads the configuration alone, that of a START or a text
with every option. tests/bench/requirements.txt lists what PyTorch needs beside the wheels of launch/setup.
"""
import argparse
import configparser
import contextlib
import itertools
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
# up to 1e-2. With bfloat16 only the first few digits can agree, with TensorFloat-32 three bits more. Absolute and, added
# to that, relative: in the first step at 128 px the loss of D is 59.
LOSS_TOLERANCE = {"float64": 1e-9, "float32": 1e-3, "tf32": 0.025, "bfloat16": 0.2}

# At a batch that no checked step had. CUDA graphs are recorded in the second and replayed from the third.
WARMUP_STEPS = 3


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


class Norm(nn.Module):
    """Over all ranks, without gain and bias; names and shapes of the buffers are those of the reference's layers."""
    function = PlainNormalise
    eps = 1e-5

    def normalise(self, x):
        normalised, mean, var = self.function.apply(x, self.eps)
        with torch.no_grad():
            count = x.numel() // x.shape[1] * dist.get_world_size()
            self.running_mean.lerp_(mean, reference.BN_MOMENTUM)
            self.running_var.lerp_(var * (count / (count - 1)), reference.BN_MOMENTUM)
        return normalised


class PlainNorm(Norm):
    def forward(self, x):
        return self.normalise(x) * self.weight[:, None, None] + self.bias[:, None, None]


class ConditionalNorm(Norm):
    def forward(self, x, condition):
        x = self.normalise(x)
        return x * (1 + self.gain(condition))[:, :, None, None] + self.bias(condition)[:, :, None, None]


class TunedPlainNorm(Norm):
    function = TunedNormalise

    def forward(self, x):
        return torch.addcmul(self.bias[:, None, None], self.normalise(x), self.weight[:, None, None])


class TunedConditionalNorm(Norm):
    function = TunedNormalise

    def forward(self, x, condition):
        gain, bias = 1 + self.gain(condition), self.bias(condition)
        return torch.addcmul(bias[:, :, None, None], self.normalise(x), gain[:, :, None, None])


class OfOneProcess:
    """Stands before a norm: its statistics are those of this process alone, by PyTorch's own batch norm."""

    def normalise(self, x, weight=None, bias=None):
        return F.batch_norm(x, self.running_mean, self.running_var, weight, bias, True, reference.BN_MOMENTUM, self.eps)


class NativeNorm(OfOneProcess, Norm):
    def forward(self, x):
        return self.normalise(x, self.weight, self.bias)


class NativeConditionalNorm(OfOneProcess, ConditionalNorm):
    pass


class TunedNativeConditionalNorm(OfOneProcess, TunedConditionalNorm):
    pass


def replace_norms(net, eps, is_tuned, is_alone):
    """Gives the norms of `net` statistics over all ranks, if there are others; parameters, buffers and names stay."""
    if is_alone:
        plain, conditional = NativeNorm, TunedNativeConditionalNorm if is_tuned else NativeConditionalNorm
    else:
        plain, conditional = (TunedPlainNorm, TunedConditionalNorm) if is_tuned else (PlainNorm, ConditionalNorm)
    for module in net.modules():
        if isinstance(module, (nn.BatchNorm2d, reference.BatchNorm)):
            module.__class__ = plain
        elif isinstance(module, reference.ConditionalBatchNorm):
            module.__class__ = conditional
        if isinstance(module, Norm):
            module.eps = eps


# -------------------------------------------------------------------------------------------------- networks

class OnlyRow(networks.Embedding):
    """Of one class, repeated: the reference looks it up by indices, which it makes in host memory."""

    def forward(self, labels):
        return self.effective().repeat(len(labels), 1)


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


def make_networks(model, is_tuned, is_alone):
    encoder = "small" if model["encoder"] == "auto" else model["encoder"]
    options = build(model, networks.Options, encoder=encoder, terms="x z xz")
    nets = {"G": networks.Generator(options), "E": Encoder(options, model["e-last-relu"] == "true"),
            "D": networks.Discriminator(options)}
    for name in "GE":
        replace_norms(nets[name], model.getfloat("bn-eps"), is_tuned, is_alone)
    if is_alone and nets["G"].shared:
        nets["G"].class_embedding.__class__ = OnlyRow
    if is_tuned:
        for net in nets.values():
            net.to(memory_format=torch.channels_last)
    return nets


def load_weights(nets, tensors):
    for name, net in nets.items():
        own = {key[2:]: value for key, value in tensors.items() if key.startswith(name + ".")}
        missing, unexpected = net.load_state_dict(own, strict=False)
        missing = [key for key in missing if not key.endswith("num_batches_tracked")]
        if missing or unexpected:
            raise ValueError(f"{name}: the start lacks {missing} and has {unexpected} too much")


# ------------------------------------------------------------------------------------------------------ steps

class Training:
    """Of `nets`, over all ranks or, without a process group, alone on the device where they are."""

    def __init__(self, nets, config, is_tuned, is_bf16):
        train = config["train"]
        self.nets, self.is_tuned, self.is_bf16, self.is_compiled = nets, is_tuned, is_bf16, False
        self.device = next(nets["G"].parameters()).device
        self.resolution = config["model"].getint("resolution")
        self.d_steps = train.getint("d-steps")
        self.ge, self.d = GeneratorEncoder(nets["G"], nets["E"]), PairDiscriminator(nets["D"])
        self.learning_ge, self.learning_d = self.ge, self.d
        if dist.is_initialized():
            ddp = {"broadcast_buffers": False}  # they are equal on all ranks as it is
            if self.is_tuned:
                ddp |= {"gradient_as_bucket_view": True, "static_graph": True}
            self.learning_ge = DistributedDataParallel(self.ge, **ddp)
            self.learning_d = DistributedDataParallel(self.d, **ddp)
        self.average = {name: [p.detach().clone() for p in nets[name].parameters()] for name in "GE"}
        self.averaged = {name: [p.detach() for p in nets[name].parameters()] for name in "GE"}
        self.keep = 1 - train.getfloat("ema-decay")
        common = {"betas": (train.getfloat("beta1"), train.getfloat("beta2")), "eps": train.getfloat("adam-eps")}
        if self.is_tuned:
            common["fused"] = self.device.type != "meta"
        self.adam_ge = torch.optim.Adam([{"params": nets["G"].parameters(), "lr": train.getfloat("lr-g")},
                                         {"params": nets["E"].parameters(), "lr": train.getfloat("lr-e")}], **common)
        self.adam_d = torch.optim.Adam(nets["D"].parameters(), lr=train.getfloat("lr-d"), **common)
        self.seconds = dict.fromkeys(["d", "ge", "optimizer", "ema"], 0.0)

    def compile(self, mode):
        """On a GPU all of E, and anew for each size: F sees the batch with and without the generated half."""
        is_cuda = self.device.type == "cuda"
        encoder = self.nets["E"] if is_cuda else self.nets["E"].trunk[0]
        for net in (self.nets["G"], encoder, self.nets["D"].F):
            net.compile(mode=mode, dynamic=False if is_cuda else None)
        self.is_compiled = True

    def autocast(self):
        return torch.autocast(self.device.type, torch.bfloat16) if self.is_bf16 else contextlib.nullcontext()

    @contextlib.contextmanager
    def timed(self, phase):
        start = time.perf_counter()
        yield
        self.seconds[phase] += time.perf_counter() - start

    def begin(self, images):
        """Of an update: CUDA graphs may write over what the last one gave. Returns the images as D sees them."""
        if self.is_compiled:
            torch.compiler.cudagraph_mark_step_begin()
        return images if images.shape[-1] == self.resolution else networks.shrink(images, self.resolution)

    def update_discriminator(self, images, z, epsilon):
        with self.timed("d"):
            shown = self.begin(images)
            with self.autocast():
                with torch.no_grad():
                    generated, code = self.ge(z, images, epsilon)
                scores = self.learning_d(torch.cat([shown, generated]), torch.cat([code, z]))
            loss = discriminator_loss([[up(s) for s in pair] for pair in scores])
            self.adam_d.zero_grad()
            loss.backward()
        with self.timed("optimizer"):
            self.adam_d.step()
        return loss.detach()

    def update_generator_encoder(self, images, z, epsilon):
        with self.timed("ge"):
            shown = self.begin(images)
            self.d.requires_grad_(False)
            with self.autocast():
                generated, code = self.learning_ge(z, images, epsilon)
                if self.is_tuned:
                    scores = self.d.scores_for_others(shown, code, generated, z)
                else:
                    scores = self.d(torch.cat([shown, generated]), torch.cat([code, z]))
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
        """noise: z and epsilon of each update of D, then of that of G and E. The losses are D's last and theirs."""
        for own in noise[:-1]:
            loss_d = self.update_discriminator(images, *own)
        return loss_d, self.update_generator_encoder(images, *noise[-1])


def new_noise(count, config, device):
    z_dim, draws = config["model"].getint("z-dim"), config["train"].getint("d-steps") + 1
    return [(torch.randn(count, z_dim, device=device), torch.randn(count, z_dim, device=device)) for _ in range(draws)]


# ------------------------------------------------------------------------------------------------ measurements

def read_config(path):
    """That of a START, or a text with every option."""
    if path.suffix == ".ini":
        text = path.read_text()
    else:
        with safe_open(path, framework="pt") as file:
            text = file.metadata()["config"]
    config = configparser.ConfigParser(delimiters="=", interpolation=None)
    config.read_string(text)
    return config


def read_tensors(path):
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def check_losses(training, tensors, rows, tolerance):
    """Makes START's steps, of which those must agree that count (LOSS_TOLERANCE); returns the largest difference."""
    images, draws, worst = rows(tensors["bench.images"].to(torch.get_default_dtype())), training.d_steps + 1, 0.0
    num_checked = len(tensors["bench.losses"]) if torch.get_default_dtype() == torch.float64 else 1
    for step, ours in enumerate(tensors["bench.losses"]):
        noise = [tuple(rows(tensors[f"bench.{name}.{draws * step + k}"]) for name in ("z", "epsilon"))
                 for k in range(draws)]
        own = torch.stack(training.step(images, noise)).double().cpu()
        if dist.is_initialized():
            dist.all_reduce(own)
            own /= dist.get_world_size()
        if step < num_checked:
            if not torch.allclose(own, ours, rtol=tolerance, atol=tolerance):
                raise ValueError(f"losses {own.tolist()}, but {ours.tolist()} of our step: not the same training")
            worst = max(worst, (own - ours).abs().max().item())
    return worst


def step_times(step, num_steps, is_cuda):
    """Milliseconds. A GPU is not waited for between steps."""
    if is_cuda:
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(num_steps + 1)]
        torch.cuda.synchronize()
        marks[0].record()
        for mark in marks[1:]:
            step()
            mark.record()
        torch.cuda.synchronize()
        return [begin.elapsed_time(end) for begin, end in itertools.pairwise(marks)]
    times = []
    for _ in range(num_steps):
        if dist.is_initialized():
            dist.barrier()
        begin = time.perf_counter()
        step()
        times.append(1e3 * (time.perf_counter() - begin))
    return times


def report(arguments, training, global_batch, difference, times):
    median = statistics.median(times)
    result = {
        "name": f"{'ddp' if arguments.ranks > 1 else 'alone'}-{arguments.variant}", "ranks": arguments.ranks,
        "dtype": "bfloat16" if arguments.bf16 else str(torch.get_default_dtype())[6:], "tf32": arguments.tf32,
        "compile": arguments.compile_mode if arguments.compile else None, "global_batch": global_batch,
        "loss_difference": difference, "step_ms": times, "median_ms": median,
        "images_per_second": 1e3 * global_batch / median}
    if training.device.type == "cuda":
        return result | {"device": torch.cuda.get_device_name(), "peak_memory_bytes": torch.cuda.max_memory_allocated(),
                         "gpu_memory_bytes": torch.cuda.max_memory_reserved()}
    return result | {"phases_ms": {name: 1e3 * t / len(times) for name, t in training.seconds.items()}}


def time_steps(arguments):
    rank, size = int(os.environ.get("RANK", 0)), arguments.ranks
    device, is_cuda, is_tuned = torch.device(arguments.device), arguments.device == "cuda", arguments.variant == "tuned"
    torch.manual_seed(rank)
    if is_cuda:
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = arguments.tf32
        torch.backends.cudnn.benchmark = arguments.search
    else:
        torch.set_num_threads(1)
    if size > 1:
        dist.init_process_group("gloo")
    config, tensors = read_config(arguments.start), read_tensors(arguments.start)
    torch.set_default_dtype(tensors["bench.z.0"].dtype)

    def rows(tensor):
        """This rank's of a global batch, where and as the networks want them."""
        share = len(tensor) // size
        own = tensor[rank * share:(rank + 1) * share].to(device)
        return own.contiguous(memory_format=torch.channels_last) if is_tuned and own.dim() == 4 else own

    nets = make_networks(config["model"], is_tuned, size == 1)
    load_weights(nets, tensors)
    training = Training({name: net.to(device) for name, net in nets.items()}, config, is_tuned, arguments.bf16)
    images = tensors["bench.images"].to(torch.get_default_dtype())
    batch = arguments.batch or len(images)
    is_own_batch = batch == len(images)
    if arguments.compile and is_own_batch:
        training.compile(arguments.compile_mode)
    arithmetic = "bfloat16" if arguments.bf16 else "tf32" if arguments.tf32 else str(images.dtype)[6:]
    difference = check_losses(training, tensors, rows, LOSS_TOLERANCE[arithmetic])
    if arguments.compile and not is_own_batch:  # it takes minutes for each size
        training.compile(arguments.compile_mode)
    images = rows(images[:batch] if batch <= len(images) else 2 * torch.rand(batch, *images.shape[1:]) - 1)

    def step():
        training.step(images, new_noise(len(images), config, device))

    for _ in range(0 if is_own_batch else WARMUP_STEPS):
        step()
    training.seconds = dict.fromkeys(training.seconds, 0.0)
    if is_cuda:
        torch.cuda.reset_peak_memory_stats()
    times = step_times(step, arguments.steps, is_cuda)
    if rank == 0:
        print(json.dumps(report(arguments, training, len(images) * size, difference, times)))
    if size > 1:
        dist.destroy_process_group()


def count_flops(path):
    """Of one step and an image, on tensors without memory; what does not grow with the batch is not counted."""
    from torch.utils.flop_counter import FlopCounterMode  # here, since it warns of what timing does not need
    config, batch = read_config(path), 2
    model = config["model"]
    result = {"name": "flops", "of": config["run"]["name"]}
    side = model.getint("e-resolution") or model.getint("resolution")
    images = torch.empty(batch, model.getint("channels"), side, side, device="meta")
    *of_d, of_ge = new_noise(batch, config, images.device)
    for variant in ("plain", "tuned"):
        is_tuned = variant == "tuned"
        with torch.device("meta"):
            nets = make_networks(model, is_tuned, is_alone=True)
        training = Training(nets, config, is_tuned, is_bf16=False)
        with FlopCounterMode(display=False) as d:
            training.update_discriminator(images, *of_d[0])
        with FlopCounterMode(display=False) as ge:
            training.update_generator_encoder(images, *of_ge)
        d, ge = d.get_total_flops() / batch, ge.get_total_flops() / batch
        result[variant] = {"update_of_d": d, "update_of_ge": ge, "step": len(of_d) * d + ge}
    print(json.dumps(result))


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
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--start", type=pathlib.Path)
    source.add_argument("--flops", type=pathlib.Path, metavar="START|INI", help="count operations instead of timing")
    parser.add_argument("--variant", choices=["plain", "tuned"], default="plain")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--batch", type=int, help="of the timed steps, over all ranks: the first images of START, or "
                        "random ones if it holds fewer; default: all of START")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--tf32", action="store_true")
    parser.add_argument("--bf16", action="store_true")
    parser.add_argument("--search", action="store_true", help="torch.backends.cudnn.benchmark")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--compile-mode", choices=["default", "reduce-overhead"], default="default")
    arguments = parser.parse_args()
    if arguments.device == "cuda" and arguments.ranks != 1:
        parser.error("--device cuda is for --ranks 1")
    if (arguments.tf32 or arguments.search) and arguments.device != "cuda":
        parser.error("--tf32 and --search are for --device cuda")
    if arguments.flops:
        return count_flops(arguments.flops)
    if arguments.device == "cpu" and "RANK" not in os.environ:
        return launch(arguments)
    return time_steps(arguments)


if __name__ == "__main__":
    sys.exit(main())
