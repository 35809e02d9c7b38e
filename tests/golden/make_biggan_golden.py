# SPDX-License-Identifier: Apache-2.0
"""Writes the digests of this folder; see README.md. Usage: python make_biggan_golden.py [--check] [NAME...]

--check writes nothing and compares what it computes with the files: `equal` in every bit, as the files' own
machine makes them, or `close`, 1e-10 of each tensor's norm.
"""
import argparse
import copy
import math
import sys
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import bigan_conv_reference as bigan_conv
import bigan_reference as bigan
import biggan_reference as ref
import encoders_reference as encoders

HERE = Path(__file__).resolve().parent / "digests"
N_FIRST = 4  # values that a digest keeps

# name: options, batch. Scores of real and generated images, all gradients, evaluation of G.
NETWORKS = {
    "biggan_32_sg": (ref.Options(width=4, num_classes=5), 4),
    # BigGAN-PyTorch's CIFAR recipe
    "biggan_32_bgp_tables": (ref.Options(layout="bgp", num_classes=3, g_embedding=0, g_split_z=False), 4),
    "biggan_64_bgp": (ref.Options(resolution=64, layout="bgp", z_dim=10, num_classes=3), 3),
    # One learned embedding that is the whole condition; grey images; D wider than G
    "biggan_64_sg_single": (ref.Options(resolution=64, layout="sg", channels=1, width=3, g_width=2,
                                        g_condition="single", g_split_z=False), 3),
    # Plain norms in G
    "biggan_64_cg_plain": (ref.Options(resolution=64, layout="cg", g_condition="none", g_split_z=False,
                                       d_skip="cg"), 3),
    "biggan_128": (ref.Options(resolution=128, z_dim=12, num_classes=3), 2),
    "biggan_256_bgp_skip": (ref.Options(resolution=256, layout="bgp", z_dim=14, num_classes=3), 1),
    "biggan_256_cg_skip": (ref.Options(resolution=256, layout="cg", z_dim=14, num_classes=3, d_skip="cg",
                                       g_attention="64"), 2),
    "biggan_512": (ref.Options(resolution=512, layout="bgp", z_dim=16, num_classes=3), 2),
    "biggan_512_cg_skip": (ref.Options(resolution=512, layout="cg", z_dim=8, g_condition="none",
                                       g_attention="none", d_attention="none", d_skip="cg"), 2),
    # BiGAN's MNIST networks without E and without D's path of the code
    "gan_mlp": (bigan.Options(system="gan", prior="normal", channels=3, resolution=8, g_width=4), 4),
    # The same with its ImageNet networks
    "gan_conv": (bigan_conv.Options(system="gan", prior="normal", resolution=32, g_width=3), 4),
}
LARGE = ("resnet50", "resnet101", "revnet50")
WITH = encoders.Options
# name: options of E, batch. Distribution, feature, all gradients, buffers, evaluation; at the papers' depth.
ENCODERS = {
    # Trunks of four stages, each at four resolutions: a distribution, a point, a point within the uniform prior
    # and a ReLU before the average are each met at some of them.
    **{f"encoder_{kind}_{size}": (WITH(encoder=kind, e_resolution=size, **more), 4 if size < 128 else 2)
       for kind in LARGE
       for size, more in ((32, {}), (64, {"e_stochastic": False, "prior": "uniform"}),
                          (128, {"e_last_relu": True}), (256, {"e_stochastic": False, "channels": 1}))},
    # Twice and four times as wide
    **{f"encoder_{kind}_x{factor}_{size}": (WITH(encoder=kind, e_resolution=size, e_width=2 * factor), 4)
       for kind, factor in (("resnet50", 2), ("revnet50", 2), ("revnet50", 4)) for size in (32, 64, 128, 256)},
    # As wide as the papers'
    **{f"encoder_{kind}_wide_{size}": (WITH(encoder=kind, e_resolution=size, e_width=64), 4)
       for kind, size in (("resnet50", 64), ("resnet101", 32), ("revnet50", 64))},
    "encoder_small_32": (WITH(), 4),
    "encoder_small_64": (WITH(e_resolution=64, channels=1, e_stochastic=False), 3),
    "encoder_small_128": (WITH(e_resolution=128, e_stochastic=False, prior="uniform", e_head_depth=0), 2),
    "encoder_strided_32": (WITH(encoder="strided"), 4),
    "encoder_strided_64": (WITH(encoder="strided", e_resolution=64, e_stochastic=False, prior="uniform"), 3),
    "encoder_strided_128": (WITH(encoder="strided", e_resolution=128, e_stochastic=False, e_head_depth=0), 2),
    "encoder_mlp_32": (WITH(encoder="mlp", e_stochastic=False, prior="uniform", e_head_depth=0), 4),
    "encoder_mlp_64": (WITH(encoder="mlp", e_resolution=64, e_head_depth=0), 4),
    "encoder_mlp_128": (WITH(encoder="mlp", e_resolution=128, e_head_depth=0, e_stochastic=False, channels=1), 4),
}
# H and J of BigBiGAN's depth.
DEEP = {"system": "bigbigan", "terms": "x z xz", "h_depth": 4, "j_depth": 4}
# name: options, loss.kind, loss.form, batch, seed. One D step and one G/E step, both from the initial state.
# The seeds were chosen so that hinges are open for some samples and shut for others.
STEPS = {
    "step_biggan_sg": (ref.Options(num_classes=5), "hinge", "sum", 4, 21),
    "step_biggan_tables": (ref.Options(layout="bgp", num_classes=3, g_embedding=0, g_split_z=False),
                           "hinge", "sum", 4, 37),
    "step_bigan": (ref.Options(system="bigan", terms="xz", layout="cg", g_condition="single"),
                   "logistic", "sum", 4, 20),
    "step_bigbigan_x_xz": (
        ref.Options(system="bigbigan", terms="x xz", e_resolution=64, prior="uniform", e_stochastic=False,
                    layout="cg", g_condition="single"), "hinge", "mean", 4, 35),
    "step_bigbigan_z_xz": (
        ref.Options(system="bigbigan", terms="z xz", e_resolution=64, prior="uniform", e_stochastic=False,
                    layout="cg", g_condition="none"), "logistic", "mean", 4, 22),
    "step_bigbigan_class": (
        ref.Options(system="bigbigan", terms="x z xz", e_resolution=64, num_classes=3), "hinge", "mean", 4, 36),
    "step_bigbigan_xz": (ref.Options(system="bigbigan", terms="xz", layout="cg", g_condition="single"),
                         "hinge", "sum", 4, 28),
    "step_bigbigan_32": (ref.Options(layout="cg", g_condition="single", **DEEP), "hinge", "sum", 4, 30),
    "step_bigbigan_64": (ref.Options(resolution=64, z_dim=10, layout="bgp", g_condition="none", **DEEP),
                         "hinge", "sum", 3, 98),
    # The paper's: E a ResNet-50 that sees twice D's resolution
    "step_bigbigan_128": (
        ref.Options(resolution=128, e_resolution=256, z_dim=12, layout="bgp", g_condition="single",
                    encoder="resnet50", e_width=2, e_head_depth=2, **DEEP), "hinge", "sum", 2, 36),
    "step_bigbigan_256": (
        ref.Options(resolution=256, z_dim=14, layout="bgp", num_classes=3, width=8, g_attention="64",
                    encoder="revnet50", e_width=2, e_head_depth=2, **DEEP), "hinge", "sum", 2, 41),
    "step_bigbigan_512": (
        ref.Options(resolution=512, z_dim=16, layout="bgp", g_condition="single", width=8, encoder="resnet101",
                    e_width=2, e_head_depth=2, **DEEP), "hinge", "sum", 2, 24),
    "step_gan_strided": (ref.StridedOptions(system="gan", d_norm="none"), "hinge", "sum", 4, 44),
    "step_bigbigan_strided_64": (
        ref.StridedOptions(resolution=64, channels=1, d_norm="bn", **DEEP), "logistic", "sum", 3, 45),
    "step_bigbigan_strided_128": (ref.StridedOptions(resolution=128, d_norm="sn", **DEEP), "hinge", "sum", 2, 46),
    "step_bigan_mlp_32": (bigan.Options(resolution=32, channels=3), "logistic", "sum", 5, 47),
    "step_bigan_mlp_64": (bigan.Options(resolution=64), "logistic", "sum", 5, 48),
    "step_bigan_mlp_128": (bigan.Options(resolution=128), "logistic", "sum", 5, 49),
    "step_bigan_mlp": (bigan.Options(), "logistic", "sum", 5, 23),
    "step_bigan_mlp_normal": (
        bigan.Options(prior="normal", e_stochastic=True, channels=3, resolution=8, e_resolution=16),
        "logistic", "sum", 5, 24),
    "step_bigan_conv": (bigan_conv.Options(resolution=48), "logistic", "sum", 4, 27),
    # E's images are 1.75 times as large as D's, as 112 and 64
    "step_bigan_conv_normal": (
        bigan_conv.Options(prior="normal", e_stochastic=True, channels=1, resolution=32, e_resolution=56, width=3),
        "logistic", "sum", 4, 28),
}
# name: options, batch, seed, options of `loss` and `train`. UPDATES simultaneous updates on one batch.
SIMULTANEOUS = {
    "simultaneous_bigan_mlp": (bigan.Options(), 5, 26, {
        "loss.kind": "logistic", "loss.scale": 0.5, "train.simultaneous": "true", "train.d-steps": 1,
        "train.lr-g": 2e-4, "train.lr-e": 2e-4, "train.lr-d": 2e-4, "train.beta1": 0.5, "train.beta2": 0.999,
        "train.adam-eps": 1e-8, "train.weight-decay": 0.01}),
}
UPDATES = 3


# ------------------------------------------------------------------------------- values that need no storing

def noise(name: str, *shape) -> torch.Tensor:
    """Uniform on [-1, 1), from the name (FNV-1a) and the index (splitmix64) alone; exact in float64."""
    key = 0xcbf29ce484222325
    for byte in name.encode():
        key = ((key ^ byte) * 0x100000001b3) % 2**64
    n = math.prod(shape)
    with numpy.errstate(over="ignore"):
        x = numpy.uint64(key) + numpy.arange(1, n + 1, dtype=numpy.uint64) * numpy.uint64(0x9e3779b97f4a7c15)
        x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xbf58476d1ce4e5b9)
        x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94d049bb133111eb)
        x = x ^ (x >> numpy.uint64(31))
    return torch.from_numpy((x >> numpy.uint64(11)).astype(numpy.float64) * 2.0**-52 - 1).reshape(shape)


def state(name: str, v: torch.Tensor) -> torch.Tensor:
    """Initial value of a parameter or buffer from noise of its shape."""
    last = name.rsplit(".", 1)[-1]
    if last == "gamma":
        return torch.full_like(v, 0.7)
    if last == "running_mean":
        return 0.2 * v
    if last == "running_var":
        return 1 + 0.5 * v
    if last == "u":
        return v
    if v.dim() >= 2:
        return math.sqrt(3 * v.shape[0] / v.numel()) * v
    return 1 + 0.3 * v if last == "weight" else 0.3 * v


def digest(name: str, tensor: torch.Tensor) -> torch.Tensor:
    """Sum, sum of squares, product with noise, first values (zeros where there are fewer)."""
    flat = tensor.detach().contiguous().reshape(-1)
    first = F.pad(flat[:N_FIRST], (0, max(0, N_FIRST - len(flat))))
    return torch.cat([torch.stack([flat.sum(), flat @ flat, flat @ noise("digest." + name, len(flat))]), first])


# ------------------------------------------------------------------------------------------------------ dumps

@dataclass
class Case:
    """Nets and inputs of one dump, in their initial state; all follows from options, batch and seed."""
    o: ref.Options | bigan.Options | bigan_conv.Options | encoders.Options
    batch: int
    seed: int = 0

    def noise(self, name, *shape):
        return noise(f"{self.seed}.{name}", *shape)

    def nets(self) -> dict:
        if isinstance(self.o, encoders.Options):
            nets = {"E": encoders.make_encoder(self.o)}
        else:
            of = next((module for module in (bigan, bigan_conv) if type(self.o) is module.Options), ref)
            generator = ref.StridedGenerator if isinstance(self.o, ref.StridedOptions) else of.Generator
            nets = {"G": generator(self.o), "D": of.Discriminator(self.o)}
            if self.o.system in ("bigan", "bigbigan"):
                nets["E"] = of.Encoder(self.o)
        with torch.no_grad():
            for prefix, net in nets.items():
                for name, value in [*net.named_parameters(), *named_buffers(net)]:
                    value.copy_(state(name, self.noise(f"{prefix}.{name}", *value.shape)))
        return nets

    def x(self):
        size = self.o.e_resolution or self.o.resolution
        return self.noise("in.x", self.batch, self.o.channels, size, size)

    def z(self):
        return (1 if self.o.prior == "uniform" else 1.7) * self.noise("in.z", self.batch, self.o.z_dim)

    def epsilon(self):
        return 1.7 * self.noise("in.epsilon", self.batch, self.o.z_dim)

    def labels(self, name):
        return ((self.noise(name, self.batch) + 1) / 2 * self.o.num_classes).long() if self.o.conditional else None


def named_buffers(net):
    return [(name, b) for name, b in net.named_buffers() if not name.endswith("num_batches_tracked")]


def network_case(case: Case) -> dict:
    nets = case.nets()
    G, D = nets["G"], nets["D"]
    x, z = case.x().requires_grad_(), case.z().requires_grad_()
    y_real, y_fake = case.labels("in.y_real"), case.labels("in.y_fake")
    ref.prepare(G), ref.prepare(D)
    generated = G(z, y_fake)
    real, fake = D(x, None, y_real)["x"], D(generated, None, y_fake)["x"]
    upstream = [case.noise(name, case.batch) for name in ("upstream.real", "upstream.fake")]
    (real @ upstream[0] + fake @ upstream[1]).backward()
    out = {"out.g": generated, "out.real": real, "out.fake": fake, "grad.x": x.grad, "grad.z": z.grad}
    for prefix, net in nets.items():
        out |= {f"grad.{prefix}.{name}": p.grad for name, p in net.named_parameters()}
        out |= {f"after.{prefix}.{name}": b.clone() for name, b in named_buffers(net)}
    # Running statistics; one power iteration from the stored u, forgotten.
    G.eval()
    ref.prepare(G, update=False)
    with torch.no_grad():
        out["eval.g"] = G(z, y_fake)
    return out


def encoder_case(case: Case) -> dict:
    E = case.nets()["E"]
    x = case.x().requires_grad_()

    def outputs(prefix, mean, sigma, feature):
        out = {f"{prefix}.mean": mean, f"{prefix}.feature": feature}
        return out if sigma is None else out | {f"{prefix}.sigma": sigma}

    mean, sigma, feature = E.distribution(x)
    code = mean if sigma is None else mean + sigma * case.epsilon()
    (code * case.noise("upstream.code", *code.shape)).sum().backward()
    out = {**outputs("out", mean, sigma, feature), "out.code": code, "grad.x": x.grad}
    out |= {f"grad.E.{name}": p.grad for name, p in E.named_parameters()}
    out |= {f"after.E.{name}": b.clone() for name, b in named_buffers(E)}
    E.eval()
    with torch.no_grad():
        return out | outputs("eval", *E.distribution(x))


def step_case(case: Case, kind: str, form: str) -> dict:
    d_nets = case.nets()
    ge_nets = copy.deepcopy(d_nets)
    inputs = case.x(), case.z(), case.epsilon(), case.labels("in.y_real"), case.labels("in.y_fake")

    def order(nets):
        return nets["G"], nets.get("E"), nets["D"]

    d_loss, real, fake = ref.discriminator_step(*order(d_nets), inputs, kind, form)
    d_loss.backward()
    ge_nets["D"].requires_grad_(False)
    ge_loss, *_ = ref.generator_encoder_step(*order(ge_nets), inputs, kind, form)
    ge_loss.backward()
    if kind == "hinge":  # one that is shut for all samples would compare zeros
        assert all((real[term] < 1).any() and (fake[term] > -1).any() for term in fake), (real, fake)
    out = {"out.loss_d": d_loss, "out.loss_ge": ge_loss}
    for prefix, net in d_nets.items():
        trained = d_nets if prefix == "D" else ge_nets
        out |= {f"grad.{prefix}.{name}": p.grad for name, p in trained[prefix].named_parameters()}
        for (name, b), (_, other) in zip(named_buffers(net), named_buffers(ge_nets[prefix])):
            assert torch.equal(b, other)
            out[f"after.{prefix}.{name}"] = b
    return out


def simultaneous_case(case: Case, options: dict) -> dict:
    nets = case.nets()
    G, E, D = nets["G"], nets["E"], nets["D"]
    adam = [options[f"train.{key}"] for key in ("lr-g", "beta1", "beta2", "adam-eps", "weight-decay")]
    of_d = bigan.Adam(D.parameters(), *adam)
    of_ge = bigan.Adam([*G.parameters(), *E.parameters()], *adam)
    out = {}
    for update in range(UPDATES):
        start = {f"{prefix}.{name}": p.detach().clone() for prefix, net in nets.items()
                 for name, p in net.named_parameters()}
        loss_d, loss_ge, grad_d, grad_ge = bigan.simultaneous_update(G, E, D, case.x(), case.z(), of_d, of_ge)
        out |= {f"out.loss_d.{update}": loss_d, f"out.loss_ge.{update}": loss_ge}
        if update == 0:  # with the L2 term
            names = [f"D.{name}" for name, _ in D.named_parameters()] + [
                f"{prefix}.{name}" for prefix in "GE" for name, _ in nets[prefix].named_parameters()]
            out |= {f"grad.{name}": g + options["train.weight-decay"] * start[name]
                    for name, g in zip(names, [*grad_d, *grad_ge])}
    for prefix, net in nets.items():
        out |= {f"updated.{prefix}.{name}": p for name, p in net.named_parameters()}
        out |= {f"after.{prefix}.{name}": b for name, b in named_buffers(net)}
    return out


def dumps():
    """name: function that makes the tensors, options, metadata"""
    def text(batch, seed=0, **more):
        return {"batch": str(batch), "seed": str(seed)} | {key: str(value) for key, value in more.items()}

    all_dumps = {}
    for name, (o, batch) in NETWORKS.items():
        all_dumps[name] = partial(network_case, Case(o, batch)), o, text(batch)
    for name, (o, batch) in ENCODERS.items():
        all_dumps[name] = partial(encoder_case, Case(o, batch)), o, text(batch)
    for name, (o, kind, form, batch, seed) in STEPS.items():
        all_dumps[name] = partial(step_case, Case(o, batch, seed), kind, form), o, text(
            batch, seed, **{"loss.kind": kind, "loss.form": form})
    for name, (o, batch, seed, options) in SIMULTANEOUS.items():
        all_dumps[name] = partial(simultaneous_case, Case(o, batch, seed), options), o, text(batch, seed, **options)
    return all_dumps


def check_content(name: str, tensors: dict) -> None:
    """That there is something to compare: numbers, and in the gradient of every matrix one that is not rounding."""
    for key, value in tensors.items():
        assert torch.isfinite(value).all(), (name, key)
        assert not key.startswith("grad.") or value.dim() < 2 or value.abs().max() > 1e-9, (name, key)


def compare(path: Path, rows: torch.Tensor, text: dict) -> str:
    stored = load_file(path)["digests"]
    with safe_open(path, "pt") as file:
        same = stored.shape == rows.shape and all(file.metadata().get(k) == v for k, v in text.items())
    if same and torch.equal(stored, rows):
        return "equal"
    norm = rows[:, 1:2].sqrt()
    return "close" if same and ((stored - rows).abs() <= 1e-10 * (rows.abs() + norm) + 1e-12).all() else "DIFFERENT"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("names", nargs="*", help="digests; without them all")
    arguments = parser.parse_args()
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    HERE.mkdir(exist_ok=True)
    encoders.check_published_counts()
    all_dumps = dumps()
    left_over = sorted({path.stem for path in HERE.iterdir()} - all_dumps.keys())
    for name in left_over:
        print(f"{name}: is made by nothing here")
    bad = len(left_over)
    for name in arguments.names or all_dumps:
        make, o, text = all_dumps[name]
        tensors = make()
        check_content(name, tensors)
        rows = torch.stack([digest(key, value) for key, value in tensors.items()])
        text |= {f"model.{f.name.replace('_', '-')}": str(getattr(o, f.name)).lower() for f in fields(o)}
        text["names"] = " ".join(tensors)
        path = HERE / f"{name}.safetensors"
        if not arguments.check:
            save_file({"digests": rows}, path, {"torch": torch.__version__.split("+")[0], **text})
            print(f"{path.name}: {len(rows)} digests, {path.stat().st_size} bytes")
            continue
        answer = compare(path, rows, text)
        print(f"{name}: {answer}")
        bad += answer == "DIFFERENT"
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
