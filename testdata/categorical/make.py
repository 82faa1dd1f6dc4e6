"""Writes torch.json: what PyTorch makes of softmax, log_softmax, cross_entropy and
gumbel_softmax, with first and second derivatives. README.md says what is in it.

    /tmp/pt/bin/python testdata/categorical/make.py
"""

import json
import math
import pathlib
from unittest import mock

import torch
import torch.nn.functional as F

torch.manual_seed(6)
torch.set_num_threads(1)
inf, nan = math.inf, math.nan


def text(t):
    return " ".join(str(v) for v in t.detach().reshape(-1).numpy())  # as few digits as tell floats apart


def derivatives(f, x):
    """y, a dy, dx = (dy/dx)ᵀ dy, a v, and d(v·dx)/dx."""
    x = x.clone().requires_grad_()
    y = f(x)
    dy = torch.randn(y.shape).round(decimals=3).to(x.dtype)
    dx, = torch.autograd.grad(y, x, dy, create_graph=True)
    v = torch.randn(x.shape).round(decimals=3).to(x.dtype)
    hv, = torch.autograd.grad(dx, x, v)
    return dict(y=text(y), dy=text(dy), dx=text(dx), v=text(v), hv=text(hv))


def inputs(dtype):
    yield "random", torch.randn(5, 7) * 3
    yield "wide", torch.randn(2, 33) * 20
    yield "one column", torch.randn(3, 1)
    yield "ties", torch.tensor([[2.0, 5, 5, 1], [0, 0, 0, 0], [-3, -3, -4, -5]])
    yield "far", torch.tensor([[800.0, 0, -800], [1e4, 1e4 - 1, 1e4 - 2], [-1e30, 0, 1e30], [88, 0, -104]])
    yield "masked", torch.tensor([[0.5, -inf, 1.5, -inf], [-inf, -inf, -inf, 2]])
    yield "nothing left", torch.tensor([[-inf, -inf, -inf], [0, inf, 0], [inf, inf, 0], [nan, 0, 0]])


def cases():
    for dtype in (torch.float32, torch.float64):
        for name, x in inputs(dtype):
            x = x.to(dtype)
            common = dict(name=name, dtype=str(dtype).split(".")[1], rows=x.shape[0], cols=x.shape[1], x=text(x))
            yield dict(op="softmax", **common, **derivatives(lambda x: F.softmax(x, -1), x))
            yield dict(op="log_softmax", **common, **derivatives(lambda x: F.log_softmax(x, -1), x))
            labels = torch.randint(0, x.shape[1], (x.shape[0],))
            yield dict(op="cross_entropy", **common, labels=labels.tolist(), **derivatives(lambda x: F.cross_entropy(x, labels), x))
            for tau in (1.0, 0.25):
                e = torch.empty(x.shape, dtype=dtype).exponential_()
                noise = -e.log()  # as gumbel_softmax has it
                for hard in (False, True):
                    # The function itself, but for where it draws.
                    with mock.patch.object(torch.Tensor, "exponential_", lambda t: t.copy_(e)):
                        d = derivatives(lambda x: F.gumbel_softmax(x, tau, hard), x)
                    yield dict(op="gumbel_softmax", **common, tau=tau, hard=hard, noise=text(noise), **d)


out = dict(made_with="PyTorch " + torch.__version__.split("+")[0], cases=list(cases()))
path = pathlib.Path(__file__).with_name("torch.json")
path.write_text(json.dumps(out, indent=0) + "\n")
print(path, path.stat().st_size, "bytes", len(out["cases"]), "cases")
