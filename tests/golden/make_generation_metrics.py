"""Writes generation_metrics.txt: what the field's own programs say of two sets of features.

Run with torch 2.11, torch-fidelity 0.4.0, prdc 0.2, scikit-learn and SciPy. The features are libtorch's CPU generator's, which
the test draws again; only results are stored. MIND is not in torch-fidelity 0.4: `mind` below says its protocol again (0.5).
"""

import pathlib

import numpy as np
import prdc
import torch
from sklearn.linear_model import LinearRegression
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

SEED = 2020


def normal(seed, rows, columns):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mind(x, y):
    generator = torch.Generator().manual_seed(SEED)
    n = min(len(x), len(y))
    x, y = (v if len(v) == n else v[torch.randperm(len(v), generator=generator)[:n]] for v in (x, y))
    directions = torch.randn(1000, x.shape[1], generator=generator)
    directions = directions / directions.norm(dim=1, keepdim=True)
    sort = [(v.float() @ directions.t()).sort(dim=0).values for v in (x, y)]
    return 3 * x.shape[1] * ((sort[0] - sort[1]) ** 2).double().mean().item()


def infinity(samples, real):
    smallest, sizes = min(5000, max(len(samples) // 10, 2)), []
    random, distances = np.random.RandomState(SEED), []
    for i in range(15):
        sizes.append(smallest + (len(samples) - smallest) * i // 14)
        some = samples[random.choice(len(samples), sizes[-1], replace=False)]
        statistics = [fid_features_to_statistics(x) for x in (some, real)]
        distances.append(fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"])
    line = LinearRegression().fit([[1 / size] for size in sizes], distances)
    return float(line.predict([[0]])[0])


def main():
    samples, real, logits = normal(1, 300, 24), normal(2, 410, 24) * 1.1 + 0.2, normal(3, 307, 10) * 2
    found = {}
    random = np.random.RandomState(SEED)
    found["permutation"] = " ".join(str(i) for i in random.permutation(20))
    found["choice"] = " ".join(str(i) for i in random.choice(1000, 5, replace=False))
    statistics = [fid_features_to_statistics(x) for x in (samples, real)]
    found["frechet"] = fid_statistics_to_metric(*statistics, False)["frechet_inception_distance"]
    found["infinity"] = infinity(samples, real)
    for splits in (1, 10):
        score = isc_features_to_metric(logits, splits=splits, rng_seed=SEED)
        found[f"inception_score_{splits}"] = f"{score['inception_score_mean']!r} {score['inception_score_std']!r}"
    kernel = kid_features_to_metric(samples, real, kid_subsets=7, kid_subset_size=100, rng_seed=SEED, verbose=False)
    found["kernel"] = f"{kernel['kernel_inception_distance_mean']!r} {kernel['kernel_inception_distance_std']!r}"
    ball = prc_features_to_metric(samples, real, verbose=False)
    found["manifold_3"] = f"{ball['precision']!r} {ball['recall']!r}"
    ball = prdc.compute_prdc(real.numpy(), samples.numpy(), nearest_k=5)
    found["manifold_5"] = " ".join(repr(float(ball[name])) for name in ("precision", "recall", "density", "coverage"))
    found["mind"] = mind(samples, real)
    lines = "".join(f"{key} {value}\n" for key, value in found.items())
    pathlib.Path(__file__).with_name("generation_metrics.txt").write_text(lines)


if __name__ == "__main__":
    main()
