# SPDX-License-Identifier: Apache-2.0
"""Writes the golden dumps of this folder; see README.md. Usage: python make_golden.py [--check]

--check writes nothing and compares what it computes with the files: `equal` in every bit, as the files' own
machine makes them, or `close` (1e-10).
"""
import argparse
import copy
import sys
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

import reference as ref
from bigan_reference import Adam

HERE = Path(__file__).resolve().parent

NETWORKS = {
    "strided_bn_logistic": ref.Options(
        block="strided", ch=3, z_dim=6, d_norm="bn", loss="logistic",
        h_width=6, h_depth=2, j_width=6, j_depth=2),
    "strided_sn_hinge": ref.Options(
        block="strided", channels=3, ch=2, z_dim=6, d_norm="sn", loss="hinge", e_head_depth=1, e_head_width=6,
        h_width=6, h_depth=2, j_width=6, j_depth=2),
    "residual_cg_single_label": ref.Options(
        block="residual", layout="cg", ch=1, z_dim=12, n_classes=1, d_norm="sn", loss="hinge",
        stochastic=True, e_ch=1, e_head_width=8, e_head_depth=2, h_width=8, h_depth=2, j_width=8, j_depth=2),
    "residual_sg_attention": ref.Options(
        block="residual", layout="sg", attention=True, ch=2, z_dim=12, n_classes=0, d_norm="sn",
        loss="logistic", e_ch=2, e_head_width=8, e_head_depth=1,
        h_width=8, h_depth=2, j_width=8, j_depth=2),
}
BATCH = 3
WITH_EVALUATION = ("strided_bn_logistic", "residual_sg_attention")


def randomise(net: torch.nn.Module) -> None:
    """Moves everything that starts at a constant away from it."""
    with torch.no_grad():
        for name, p in net.named_parameters():
            if name.endswith("gamma"):
                p.fill_(0.7)
            elif p.dim() == 1:
                p.add_(0.3 * torch.randn_like(p))
        for name, b in net.named_buffers():
            if name.endswith("running_mean"):
                b.copy_(0.2 * torch.randn_like(b))
            elif name.endswith("running_var"):
                b.copy_(0.5 + torch.rand_like(b))
            # u is a standard normal draw already, and is not normalised.


def network_dump(o: ref.Options, seed: int, evaluation: bool) -> dict:
    torch.manual_seed(seed)
    nets = {"G": ref.make_generator(o), "E": ref.make_encoder(o), "D": ref.Discriminator(o)}
    for net in nets.values():
        ref.initialise(net)
        randomise(net)
    x = torch.rand(BATCH, o.channels, o.resolution, o.resolution) * 2 - 1
    z, eps = torch.randn(BATCH, o.z_dim), torch.randn(BATCH, o.z_dim)

    out = {"in.x": x, "in.z": z}
    if o.stochastic:
        out["in.eps"] = eps
    for n, net in nets.items():
        for name, value in net.state_dict().items():
            out[f"init.{n}.{name}"] = value.clone()

    # The D step and the G/E step both start from the initial state.
    d_nets, ge_nets = copy.deepcopy(nets), copy.deepcopy(nets)
    d = ref.discriminator_pass(o, *d_nets.values(), x, z, eps)
    d.loss.backward()
    for p in ge_nets["D"].parameters():
        p.requires_grad_(False)
    ge = ref.generator_encoder_pass(o, *ge_nets.values(), x, z, eps)
    ge.loss.backward()

    out |= {"out.g": d.x_hat, "out.e": d.z_hat, "out.mu": d.mu, "out.feature": d.feature}
    for side in ("real", "fake"):
        for term, score, again in zip(("x", "z", "xz"), getattr(d, side), getattr(ge, side)):
            assert torch.equal(score, again)
            out[f"out.{side}.{term}"] = score
    out["out.loss_d"], out["out.loss_ge"] = d.loss, ge.loss
    for name, p in d_nets["D"].named_parameters():
        out[f"grad_d.D.{name}"] = p.grad
    for n in ("G", "E"):
        assert all(p.grad is None for p in d_nets[n].parameters())
        for name, p in ge_nets[n].named_parameters():
            out[f"grad_ge.{n}.{name}"] = p.grad
    for n in nets:
        for (name, value), other in zip(d_nets[n].named_buffers(), ge_nets[n].buffers()):
            assert torch.equal(value, other)
            out[f"after.{n}.{name}"] = value

    if not evaluation:
        return out
    # Evaluation mode from the state after: running statistics; one power iteration from the stored u, forgotten.
    for n in ("G", "E"):
        d_nets[n].eval()
        ref.prepare(d_nets[n], update=False)
    with torch.no_grad():
        out["eval.g"] = d_nets["G"](z)
        _, out["eval.mu"], out["eval.feature"] = d_nets["E"](x)
    return out


def spectral_norm_dump() -> dict:
    torch.manual_seed(11)
    out = {}
    for kind, shape in (("conv", (5, 3, 3, 3)), ("linear", (4, 7))):
        weight = torch.randn(shape, requires_grad=True)
        u, upstream = torch.randn(shape[0]), torch.randn(shape)
        normalised, u_new = ref.spectral_normalise(weight, u)
        (normalised * upstream).sum().backward()
        out |= {f"{kind}.weight": weight, f"{kind}.u": u, f"{kind}.upstream": upstream,
                f"{kind}.weight_sn": normalised, f"{kind}.u_after": u_new, f"{kind}.grad": weight.grad}
    return out


def conditional_bn_dump() -> dict:
    torch.manual_seed(12)
    norm = ref.ConditionalBatchNorm(5, 7)
    ref.initialise(norm)
    randomise(norm)
    x = (torch.randn(4, 5, 6, 6) * 1.5 + 0.5).requires_grad_()
    condition, upstream = torch.randn(4, 7, requires_grad=True), torch.randn(4, 5, 6, 6)
    out = {f"init.{name}": value.clone() for name, value in norm.state_dict().items()}
    ref.prepare(norm)
    y = norm(x, condition)
    (y * upstream).sum().backward()
    out |= {"in.x": x, "in.condition": condition, "in.upstream": upstream, "out.y": y,
            "grad.x": x.grad, "grad.condition": condition.grad}
    out |= {f"grad.{name}": p.grad for name, p in norm.named_parameters()}
    out |= {f"after.{name}": value.clone() for name, value in norm.named_buffers()}
    norm.eval()
    ref.prepare(norm, update=False)
    out["eval.y"] = norm(x, condition)
    return out


def loss_dump() -> dict:
    torch.manual_seed(13)
    scores = {f"{side}.{term}": (1.5 * torch.randn(8)).requires_grad_()
              for side in ("real", "fake") for term in ("x", "z", "xz")}
    values = list(scores.values())
    out = dict(scores)
    for kind in ("hinge", "logistic"):
        for name, function in (("d", ref.discriminator_loss), ("ge", ref.generator_encoder_loss)):
            loss = function(kind, values[:3], values[3:])
            out[f"{kind}.{name}"] = loss
            for key, gradient in zip(scores, torch.autograd.grad(loss, values)):
                out[f"{kind}.{name}.grad.{key}"] = gradient
    return out


def adam_dump() -> dict:
    torch.manual_seed(14)
    start, gradients = torch.randn(6), torch.randn(5, 6)
    gradients[1, 2] = 0.0
    gradients[:, 4] *= 1e-7
    out = {"start": start, "gradients": gradients}
    for name, beta1 in (("beta0", 0.0), ("beta05", 0.5)):
        p = start.clone()
        adam = Adam([p], 2e-4, beta1, 0.999, 1e-8, 0)
        path = []
        for gradient in gradients:
            adam.step([gradient])
            path.append(p.clone())
        out[f"{name}.parameters"] = torch.stack(path)
        out[f"{name}.m"], out[f"{name}.v"] = adam.m[0], adam.v[0]
    return out


def ema_dump() -> dict:
    torch.manual_seed(15)
    path, averages = torch.randn(6, 4), []
    net = torch.nn.Module()
    net.p = torch.nn.Parameter(torch.zeros(4))
    shadow = copy.deepcopy(net)
    for t, value in enumerate(path, start=1):
        net.p.data.copy_(value)
        ref.update_ema(shadow, net, 0.9 if t >= 3 else 0.0)
        averages.append(shadow.p.detach().clone())
    return {"parameters": path, "averages": torch.stack(averages)}


def compare(path: Path, tensors: dict, metadata: dict) -> str:
    stored = load_file(path)
    with safe_open(path, "pt") as file:
        same = stored.keys() == tensors.keys() and all(file.metadata().get(k) == v for k, v in metadata.items())
    if same and all(torch.equal(stored[key], tensors[key]) for key in stored):
        return "equal"
    return "close" if same and all(torch.allclose(stored[key], tensors[key], rtol=1e-10, atol=1e-10)
                                   for key in stored) else "DIFFERENT"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    dumps = {}
    for seed, (name, options) in enumerate(NETWORKS.items()):
        metadata = {key: str(value).lower() for key, value in vars(options).items()}
        dumps[name] = (network_dump(options, seed, name in WITH_EVALUATION), metadata | {"batch": str(BATCH)})
    dumps["spectral_norm"] = (spectral_norm_dump(), {"eps": "1e-6"})
    dumps["conditional_bn"] = (conditional_bn_dump(), {"eps": "1e-5", "momentum": "0.1"})
    dumps["losses"] = (loss_dump(), {"form": "sum of three terms, mean over the batch"})
    dumps["adam"] = (adam_dump(), {"lr": "2e-4", "beta2": "0.999", "eps": "1e-8"})
    dumps["ema"] = (ema_dump(), {"decay": "0.9", "start": "3"})
    bad = 0
    for name, (tensors, metadata) in dumps.items():
        path = HERE / f"{name}.safetensors"
        tensors = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
        assert all(torch.isfinite(value).all() and value.dtype == torch.float64 for value in tensors.values())
        if check:
            answer = compare(path, tensors, metadata)
            print(f"{name}: {answer}")
            bad += answer == "DIFFERENT"
        else:
            save_file(tensors, path, {"torch": torch.__version__.split("+")[0], **metadata})
            print(f"{path.name}: {len(tensors)} tensors, {path.stat().st_size} bytes")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
