"""Runs NumPy and PyTorch for the comparison; worker.go says what it answers."""

import math
import sys
import time
import warnings

try:
    import numpy as np
except ImportError as e:
    sys.exit(f"{sys.executable}: {e}")
try:
    import torch
    import torch.nn.functional as F
except ImportError:
    torch = None

ALPHA, SLOPE, LO, HI = 5.0, 0.1, -8.0, 7.0  # as in operations.go
SCALE = 1 / (2 * math.tanh(ALPHA / 2))
STEP, ZERO, LEAST, MOST = 0.08, 10, -128, 127  # as in quant.go
CATEGORIES, TAU, BINS, RANGE, CHANNELS, TURNED, AWAY = 16, 0.5, 64, (-16, 16), 4, 0.1, 0.05  # as in discrete.go
FORWARD = (  # PyTorch does these without a graph
    ("Floor", "Exp", "Sin", "SoftRound", "SmoothRound")
    + ("Quantize", "Dequantize", "FakeQuantize", "FakeQuantizeMask", "FakeQuantizeGrad")
    + ("GumbelSoftmax", "Histogram", "SampleBilinear")
)
warnings.simplefilter("ignore")  # PyTorch means to drop its quantised tensors


def numpy_operation(op, x, dy):
    """Returns a function of no arguments that returns a list of arrays."""
    out = np.empty_like(x)
    if op in ("Floor", "Exp", "Sin"):
        f = {"Floor": np.floor, "Exp": np.exp, "Sin": np.sin}[op]
        return lambda: [f(x, out=out)]
    if op == "SoftRound":
        scale = x.dtype.type(SCALE)
        alpha, half = x.dtype.type(ALPHA), x.dtype.type(0.5)

        def soft_round():
            m = np.floor(x, out=out)
            m += half
            r = x - m
            r *= alpha
            np.tanh(r, out=r)
            r *= scale
            m += r
            return [m]

        return soft_round
    if op in ("Quantize", "FakeQuantize"):
        inverse, step = x.dtype.type(1) / x.dtype.type(STEP), x.dtype.type(STEP)
        levels = np.empty(x.shape, np.int8)

        def quantize():
            np.multiply(x, inverse, out=out)
            np.rint(out, out=out)
            np.add(out, ZERO, out=out)
            return np.clip(out, LEAST, MOST, out=out)

        def to_int8():
            np.copyto(levels, quantize(), casting="unsafe")
            return [levels]

        def fake_quantize():
            quantize()
            np.subtract(out, ZERO, out=out)
            np.multiply(out, step, out=out)
            return [out]

        return to_int8 if op == "Quantize" else fake_quantize
    if op == "Dequantize":
        levels, step = x.astype(np.int8), x.dtype.type(STEP)

        def dequantize():
            np.copyto(out, levels)
            np.subtract(out, ZERO, out=out)
            np.multiply(out, step, out=out)
            return [out]

        return dequantize
    if op == "Histogram":
        return lambda: [np.histogram(x, BINS, RANGE)[0]]
    return None


def soft_round(x):
    m = torch.floor(x) + 0.5
    return m + torch.tanh(ALPHA * (x - m)) * SCALE


def smooth_round(x):
    n = torch.round(x)
    return n + torch.atan(SLOPE * torch.tan(math.pi * (x - n))) * (1 / math.pi)


def detach(hard, x):
    return x + (hard - x).detach()


def fake_quantize(x):
    return torch.fake_quantize_per_tensor_affine(x, STEP, ZERO, LEAST, MOST)


def dequantize(x, dy):
    ints = torch._make_per_tensor_quantized_tensor(x.to(torch.int8), STEP, ZERO)
    return lambda: [ints.dequantize()]


def fake_quantize_grad(x, dy):
    scale, zero = torch.tensor([STEP]), torch.tensor([float(ZERO)])
    f = torch.ops.aten._fake_quantize_learnable_per_tensor_affine_backward
    return lambda: f(dy, x, scale, zero, LEAST, MOST, 1.0)


def fake_quantize_learn(x, dy):
    of = x.requires_grad_(), torch.tensor([STEP], requires_grad=True), torch.tensor([float(ZERO)], requires_grad=True)

    def both():
        y = torch._fake_quantize_learnable_per_tensor_affine(*of, LEAST, MOST, 1.0)
        return [y, *torch.autograd.grad(y, of, dy)]

    return both


def gumbel_softmax(x, dy):
    rows = x.view(-1, CATEGORIES)
    return lambda: [F.gumbel_softmax(rows, TAU)]


def sample_bilinear(x, dy):
    side = math.isqrt(len(x) // CHANNELS)
    image = x.view(1, side, side, CHANNELS).permute(0, 3, 1, 2).contiguous()
    centres = (2 * torch.arange(side, dtype=torch.float64) + 1) / side - 1
    v, u = torch.meshgrid(centres, centres, indexing="ij")
    cos, sin = math.cos(TURNED), math.sin(TURNED)
    grid = torch.stack((cos * u - sin * v + AWAY, sin * u + cos * v + AWAY), -1).float()[None]
    return lambda: [F.grid_sample(image, grid, align_corners=False)]


OPERATIONS = {
    "Quantize": lambda x, dy: lambda: [torch.quantize_per_tensor(x, STEP, ZERO, torch.qint8)],
    "Dequantize": dequantize,
    "FakeQuantize": lambda x, dy: lambda: [fake_quantize(x)],
    "FakeQuantizeMask": lambda x, dy: lambda: torch.ops.aten.fake_quantize_per_tensor_affine_cachemask(x, STEP, ZERO, LEAST, MOST),
    "FakeQuantizeGrad": fake_quantize_grad,
    "FakeQuantizeLearn": fake_quantize_learn,
    "GumbelSoftmax": gumbel_softmax,
    "Histogram": lambda x, dy: lambda: [torch.histc(x, BINS, *RANGE)],
    "SampleBilinear": sample_bilinear,
}


def torch_operation(op, x, dy):
    if op in ("Floor", "Exp", "Sin"):
        f = {"Floor": torch.floor, "Exp": torch.exp, "Sin": torch.sin}[op]
        out = torch.empty_like(x)
        return lambda: [f(x, out=out)]
    if op in ("SoftRound", "SmoothRound"):
        f = {"SoftRound": soft_round, "SmoothRound": smooth_round}[op]
        return lambda: [f(x)]
    if op in OPERATIONS:
        return OPERATIONS[op](x, dy)
    trained = {
        "DetachSTE": lambda x: detach(x.floor(), x),
        "ClipSTE": lambda x: (lambda c: detach(c.round(), c))(F.hardtanh(x, LO, HI)),
        "SoftRoundTrain": soft_round,
        "FakeQuantizeTrain": fake_quantize,
    }
    if op not in trained:
        return None
    x = x.requires_grad_()

    def both():
        y = trained[op](x)
        (dx,) = torch.autograd.grad(y, x, dy)
        return [y, dx]

    return both


def chain(data):
    """network.go has the same ten operations."""
    x, w, b = [torch.from_numpy(v).requires_grad_() for v in np.split(data, 3)]

    def run():
        y = x * w * 0.5
        y = detach(y.floor(), y)
        y = soft_round(y + b)
        y = torch.sum(torch.square(torch.tanh(torch.exp(-torch.sigmoid(y)))))
        return [y, *torch.autograd.grad(y, (x, w, b))]

    return run


def network(op, data):
    """One training step of examples/qat; network.go has the same."""
    shapes = [(32, 64), (64, 32), (32,), (32, 10), (10,), (32,)]
    parts, at = [], 0
    for shape in shapes:
        size = int(np.prod(shape))
        parts.append(torch.from_numpy(data[at : at + size].reshape(shape).copy()))
        at += size
    images, labels = parts[0], parts[5].long()
    params = [p.requires_grad_() for p in parts[1:5]]
    w1, b1, w2, b2 = params
    optimiser = torch.optim.Adam(params, lr=0.0, fused=True)

    below = float(np.nextafter(np.float32(3), np.float32(0)))

    def floor_ste(u):  # clamped before the floor: torch.clamp has no gradient at its bounds
        c = torch.clamp(u + 0.5, 0, below)
        return detach(c.floor(), c)

    def clip_ste(u):
        c = torch.clamp(u, 0, 2)
        return detach(c.round(), c)

    def quantised(x, zero, step, staircase):
        return (staircase(x * (1 / step) + zero) - zero) * step

    def logits():
        if op == "StepFloat":
            return torch.relu(images @ w1 + b1) @ w2 + b2
        s = floor_ste if op == "StepFloorSTE" else clip_ste
        h = images @ quantised(w1, 1.0, 0.2, s) + b1
        return quantised(h, 0.0, 1.0, s) @ quantised(w2, 1.0, 0.3, s) + b2

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = F.cross_entropy(logits(), labels)
        loss.backward()
        optimiser.step()
        return [loss, *[p.grad for p in params]]

    return step


def numbers(result):
    if isinstance(result, np.ndarray):
        return result
    if result.dim() == 4:  # channels last, as in discrete.go
        result = result.permute(0, 2, 3, 1)
    return np.asarray(result.int_repr() if result.is_quantized else result.detach())


class Worker:
    def __init__(self):
        self.operands = {}
        self.runs = {}

    def hello(self):
        versions = ["numpy", np.__version__]
        if torch is not None:
            versions += ["torch", torch.__version__]
        return versions

    def forget(self):
        self.operands.clear()
        self.runs.clear()
        return []

    def prepared(self, impl, op, x, dy):
        if impl == "numpy":
            return numpy_operation(op, x, dy)
        return torch_operation(op, torch.from_numpy(x), torch.from_numpy(dy))

    def check(self, impl, op, dtype, n, threads, file):
        if impl == "torch" and torch is None:
            return None
        kind = {"f32": np.float32, "f64": np.float64}[dtype]
        data = np.fromfile(file).astype(kind)
        if impl == "torch":
            self.prepare_torch(op, int(threads))
        if op == "Chain" or op.startswith("Step"):
            if impl != "torch":
                return None
            run = small = chain(data) if op == "Chain" else network(op, data)
        else:
            small = self.prepared(impl, op, *np.split(data, 2))
            if small is None:
                return None
            run = self.prepared(impl, op, *self.random(dtype, int(n), kind))
        self.runs[impl, op, dtype, n] = run
        results = [np.atleast_1d(numbers(r)).ravel() for r in small()]
        np.concatenate(results).astype(np.float64).tofile(file)
        return [len(r) for r in results]

    def random(self, dtype, n, kind):
        if (dtype, n) not in self.operands:
            rng = np.random.default_rng(1)
            x, dy = np.empty(n, kind), np.empty(n, kind)
            rng.random(out=x, dtype=kind)
            rng.random(out=dy, dtype=kind)
            x *= kind(24)
            x -= kind(12)
            self.operands[dtype, n] = x, dy
        return self.operands[dtype, n]

    def prepare_torch(self, op, threads):
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)
        torch.set_grad_enabled(op not in FORWARD)

    def time(self, impl, op, dtype, n, threads, calls):
        run, turns = self.runs[impl, op, dtype, n], range(int(calls))
        if impl == "torch":
            self.prepare_torch(op, int(threads))
        start = time.perf_counter_ns()
        for _ in turns:
            run()
        took = time.perf_counter_ns() - start
        if int(threads) > 1:
            time.sleep(0.003)  # idle OpenMP threads spin for a while: not in the next one's time
        return [took]


def main():
    worker = Worker()
    for line in sys.stdin:
        what, *args = line.split()
        try:
            answer = getattr(worker, what)(*args)
            print("none" if answer is None else " ".join(["ok", *map(str, answer)]), flush=True)
        except Exception as e:  # the other side decides
            print("error", type(e).__name__, " ".join(str(e).split()), flush=True)


main()
