"""Writes torch.json beside this file: what PyTorch makes of torch.histc and
torch.nn.functional.grid_sample, for sample_test.go. Run with PyTorch 2.15:

    python testdata/sample/make.py
"""

import json
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(5)
torch.set_num_threads(1)


def numbers(t):
    return [float(v) for v in t.detach().reshape(-1)]


def histc():
    grid = torch.arange(-5, 115, dtype=torch.float32) * 0.1
    for name, x, bins, lo, hi in [
        ("random", torch.randn(400), 12, -2.0, 2.0),
        ("bytes", torch.randint(0, 256, (300,)).float(), 256, 0.0, 255.0),
        ("special", torch.tensor([float("nan"), float("inf"), -float("inf"), 0, 1, -1e-9, 1.0000001, 0.5, 0.25]), 4, 0.0, 1.0),
        ("tenths", grid, 100, 0.0, 10.0),  # edges, as rounded
    ]:
        yield {
            "name": name, "bins": bins, "lo": lo, "hi": hi,
            "x": [str(float(v)) for v in x],  # JSON has no NaN
            "counts": numbers(torch.histc(x, bins, lo, hi)),
        }


def samples():
    h, w, c, n = 4, 5, 2, 28
    image = torch.randn(1, c, h, w, dtype=torch.float64).round(decimals=3)
    xy = (torch.rand(1, 1, n, 2, dtype=torch.float64) * 5 - 2.5).round(decimals=3)
    # On centres, corners, edges and beyond all.
    xy[0, 0, :8] = torch.tensor([[-1, -1], [1, 1], [0, 0], [-1, 1], [0.6, -0.75], [1, -2.5], [7.3, -9.1], [0.2, 0.25]])
    dy = torch.randn(1, c, 1, n, dtype=torch.float64).round(decimals=3)
    for mode in ["bilinear", "nearest"]:
        for padding in ["zeros", "border", "reflection"]:
            for align in [False, True]:
                i, p = image.clone().requires_grad_(), xy.clone().requires_grad_()
                y = F.grid_sample(i, p, mode=mode, padding_mode=padding, align_corners=align)
                y.backward(dy)
                yield {
                    "mode": mode, "padding": padding, "align": align, "h": h, "w": w, "c": c,
                    "image": numbers(image[0].permute(1, 2, 0)), "xy": numbers(xy), "dy": numbers(dy[0, :, 0].T),
                    "y": numbers(y[0, :, 0].T), "dimage": numbers(i.grad[0].permute(1, 2, 0)), "dxy": numbers(p.grad),
                }


out = {"torch": torch.__version__, "histc": list(histc()), "grid_sample": list(samples())}
path = pathlib.Path(__file__).with_name("torch.json")
path.write_text(json.dumps(out, separators=(",", ":")).replace('},{', '},\n{') + "\n")
print(path, path.stat().st_size, "bytes")
