#!/usr/bin/env python3
"""Opens a run folder with the programs that its files are made for.

    read_run.py safetensors|tensorboard|chromium RUN_FOLDER

Exit code 0: they read what the run wrote; 1: they do not, with one line per problem; 77: the reader is not installed.
"""

import io
import json
import math
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

problems = []


def expect(condition, text):
    if not condition:
        problems.append(text)


def skip(reason):
    print(reason, file=sys.stderr)
    sys.exit(77)


def read_safetensors(run):
    try:
        import numpy
        from safetensors import safe_open
        from safetensors.numpy import load, save
    except ImportError as error:
        skip(f"no Python package {error.name} (launch/setup --with-tests installs it)")
    folder = sorted((run / "checkpoints").glob("step-*"))[-1]
    path = folder / "state.safetensors"
    manifest = json.loads((folder / "manifest.json").read_text())
    expect(path.stat().st_size == manifest["bytes"], "manifest.json states another size")
    with safe_open(path, framework="numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    step = str(manifest["step"])
    expect(metadata["step"] == step, f"metadata: step {metadata['step']}, not {step}")
    expect("[model]" in metadata["config"], "metadata: no configuration")
    for name in ["G.linear.weight", "E.output.weight", "D.score_xz.weight", "G_average.linear.weight",
                 "G_adam.first.linear.weight", "D_adam.steps"]:
        expect(name in tensors, f"no tensor {name}")
    for name, tensor in tensors.items():
        expect(tensor.dtype == numpy.float32, f"{name} is {tensor.dtype}")
        expect(numpy.isfinite(tensor).all(), f"{name} is not finite")
        expect(not name.endswith("weight") or numpy.any(tensor), f"{name} is all zero")
    # z-dim 8, 4x4 positions, twice the base width of 4; two D updates a step.
    expect(tensors["G.linear.weight"].shape == (2 * 4 * 16, 8), "G.linear.weight has another shape")
    expect(tensors["D_adam.steps"] == 2 * int(step), "D_adam.steps counts otherwise")
    again = load(save(tensors, metadata))
    expect(all(numpy.array_equal(again[name], tensors[name]) for name in tensors), "does not survive a second writing")


def read_tensorboard(run):
    try:
        from PIL import Image
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError as error:
        skip(f"no Python package {error.name} (launch/setup --with-tests installs it)")
    accumulator = EventAccumulator(str(run), size_guidance={"scalars": 0, "images": 0})
    accumulator.Reload()
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    lines = [line for line in lines if "changed" not in line]  # what a resumed run says of its options
    for field in ["loss_d", "loss_d_x", "loss_d_z", "loss_d_xz", "loss_ge"]:
        events = accumulator.Scalars("train/" + field)
        expect([event.step for event in events] == [line["step"] for line in lines], f"{field}: other steps")
        # TensorBoard keeps float32.
        expect(all(math.isclose(event.value, line[field], rel_tol=1e-6, abs_tol=1e-7)
                   for event, line in zip(events, lines)), f"{field}: other values")
    evaluation = json.loads((run / "evaluation.json").read_text())
    accuracy = accumulator.Scalars("evaluation/linear_probe/trained")[-1].value
    expect(math.isclose(accuracy, evaluation["linear_probe"]["trained"], rel_tol=1e-6), "evaluation: another value")
    for name in ["samples", "reconstructions"]:
        event = accumulator.Images("grids/" + name)[-1]
        grid = Image.open(sorted((run / "grids").glob(name + "-*.png"))[-1])
        shown = Image.open(io.BytesIO(event.encoded_image_string))
        expect(shown.tobytes() == grid.tobytes(), f"{name}: another picture than grids/*.png")
        expect((event.width, event.height) == grid.size, f"{name}: another size")


# Says in the page itself what was drawn and what was asked of a network; only the test's copy has it.
PROBE = """<script>addEventListener("load", () => {
  const images = [...document.images], facts = document.body.dataset;
  facts.images = images.length;
  facts.broken = images.filter(i => !i.complete || !i.naturalWidth).length;
  facts.fetched = performance.getEntriesByType("resource").filter(e => !e.name.startsWith("data:")).length;
  facts.charts = [...document.querySelectorAll(".plot")].filter(s => s.getBoundingClientRect().width > 100).length;
  facts.overflow = document.documentElement.scrollWidth > innerWidth;
});</script>"""


def read_report(run):
    browser = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
    if browser is None:
        skip("no Chromium (launch/setup --with-tests installs it on Debian)")
    page = (run / "report.html").read_text()
    with tempfile.TemporaryDirectory() as folder:
        copy, picture = pathlib.Path(folder, "report.html"), pathlib.Path(folder, "report.png")
        copy.write_text(page + PROBE)  # the page's own policy stays in force
        arguments = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                     f"--user-data-dir={folder}/profile", "--window-size=1200,3000",
                     # No name resolves, so nothing can come from elsewhere.
                     "--host-resolver-rules=MAP * ~NOTFOUND"]
        dom = subprocess.run(arguments + ["--dump-dom", copy.as_uri()], capture_output=True, text=True,
                             timeout=120).stdout
        subprocess.run(arguments + [f"--screenshot={picture}", copy.as_uri()], capture_output=True, timeout=120)
        facts = dict(re.findall(r'data-(\w+)="(\w+)"', dom))
        colours = colours_of(picture)
    expect(int(facts.get("images", 0)) >= 2, f"images: {facts.get('images')}")
    expect(facts.get("broken") == "0", f"broken images: {facts.get('broken')}")
    expect(facts.get("fetched") == "0", f"loaded from elsewhere: {facts.get('fetched')}")
    expect(int(facts.get("charts", 0)) >= 2, f"charts: {facts.get('charts')}")
    expect(facts.get("overflow") == "false", "wider than its window")
    accuracy = json.loads((run / "evaluation.json").read_text())["linear_probe"]["trained"]
    expect(f"{100 * accuracy:.1f}" in dom, "the probe's accuracy is not on the page")
    expect(colours is None or colours > 50, f"the picture of the page has {colours} colours")


def colours_of(picture):
    try:
        from PIL import Image
    except ImportError:
        return None
    return len(Image.open(picture).convert("RGB").getcolors(1 << 24))


def main():
    what, run = sys.argv[1], pathlib.Path(sys.argv[2])
    {"safetensors": read_safetensors, "tensorboard": read_tensorboard, "chromium": read_report}[what](run)
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
