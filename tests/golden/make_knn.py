"""Writes knn.txt: accuracies of k nearest neighbours, by scikit-learn and by DINO's rule, on features drawn from libtorch's CPU
generator, which the test draws again.

Run with torch 2.11 and scikit-learn. `--dino FOLDER`, a checkout of facebookresearch/dino, asks its eval_knn.py too.
"""

import pathlib
import sys

import torch
from sklearn.neighbors import KNeighborsClassifier

CLASSES, WIDTH = 12, 10


def split(seed, rows):
    x = torch.rand(rows, WIDTH, generator=torch.Generator().manual_seed(seed)) - 0.25
    # Bins of the first feature, and a fifth of labels that say nothing.
    labels = ((x[:, 0] + 0.25) * CLASSES).long()
    labels = torch.where(x[:, 1] > 0.55, ((x[:, 2] + 0.25) * CLASSES).long(), labels)
    x[:, 0] *= 4
    return x, labels


def weighted(train, train_labels, test, test_labels, k, temperature=0.07):
    train, test = (torch.nn.functional.normalize(x, dim=1, p=2) for x in (train, test))
    similarity, nearest = (test @ train.t()).topk(k)
    weights = torch.zeros(len(test), CLASSES).scatter_add_(1, train_labels[nearest], (similarity / temperature).exp())
    order = weights.sort(dim=1, descending=True, stable=True).indices[:, :5]
    hit = (order == test_labels[:, None]) & (weights.gather(1, order) > 0)
    return hit[:, 0].double().mean().item(), hit.any(1).double().mean().item()


def main():
    train, test = split(1, 700), split(2, 300)
    lines = []
    for name, metric in ("l1", "manhattan"), ("l2", "euclidean"):
        found = []
        for k in 1, 5, 25, 50:
            classifier = KNeighborsClassifier(k, metric=metric, algorithm="brute")
            classifier.fit(train[0].double().numpy(), train[1].numpy())
            found.append(classifier.score(test[0].double().numpy(), test[1].numpy()))
        lines.append((name, found))
    pairs = [weighted(*train, *test, k) for k in (10, 20, 100, 200)]
    lines += [("dino1", [one for one, _ in pairs]), ("dino5", [five for _, five in pairs])]
    text = "".join(f"{name} {' '.join(repr(x) for x in found)}\n" for name, found in lines)
    (pathlib.Path(__file__).parent / "knn.txt").write_text(text)
    print(text)
    if sys.argv[1:2] == ["--dino"]:
        sys.path.insert(0, sys.argv[2])
        from eval_knn import knn_classifier
        unit = [torch.nn.functional.normalize(x, dim=1, p=2) for x in (train[0], test[0])]
        for k in 10, 20, 100, 200:
            print(k, knn_classifier(unit[0], train[1], unit[1], test[1], k, 0.07, CLASSES))


if __name__ == "__main__":
    main()
