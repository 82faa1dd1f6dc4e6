"""Writes golden.gz: what PyTorch, ONNX Runtime and GGUF make of the same inputs.

    python -m venv /tmp/pt && /tmp/pt/bin/pip install torch numpy onnx onnxruntime gguf
    /tmp/pt/bin/python testdata/quant/make.py

The same versions write the same bytes; the versions are in the file. Unzipped, it
is the length of a JSON text as a little-endian uint32, the text, and the arrays
that it points into by {"at", "size"}, in bytes, little-endian. golden_test.go
reads it and docs/PARITY.md says what differs and why.

PyTorch picks its kernels by the processor, so it is run once for each build of
them (ATEN_CPU_CAPABILITY), and a result names the builds that gave it.
"""

import ctypes, gzip, io, json, os, pickle, subprocess, sys, warnings

import numpy as np

f32, f64 = np.float32, np.float64
BUILDS = ["default", "avx2", "avx512"]
COLS = 701  # odd, so rows end in tails and start inside of a mask's byte
TAIL = 5    # how many special values end a row


# ---- inputs

def specials(t, scale):
    info = np.finfo(t)
    tiny = info.smallest_subnormal
    s = t(scale)
    v = [0, tiny, info.smallest_normal - tiny, info.smallest_normal, np.inf, info.max, 1e30, 1e10,
         s * t(2**31), s * t(2**31 - 1000), np.nextafter(s * t(2**63), t(0)), s * t(2**63), s * t(2**64), s * t(1e-3), s]
    v = np.array(v, t)
    return np.concatenate([v, -v, np.array([np.nan, -np.nan], t)])


def row(rng, t, scale, zero, lo, hi, cols):
    """Special values, multiples of half a step, the floats beside them, random ones, and a tail of special ones."""
    s = t(scale)
    first, last = 2 * (lo - zero) - 6, 2 * (hi - zero) + 6
    tail = np.array([np.nan, -np.inf, np.inf, -(2.0**63) * s, -2.5 * s], t)
    if last - first < cols - 150:
        k = np.arange(first, last + 1)
    else:
        k = np.concatenate([np.arange(first, first + 40), np.arange(last - 40, last), np.arange(-60, 61), rng.integers(first, last, 200)])
    ties = k.astype(t) * t(0.5) * s
    some = np.concatenate([ties[:8], ties[-8:], rng.choice(ties, 12)])
    beside = np.concatenate([np.nextafter(some, t(np.inf)), np.nextafter(some, t(-np.inf))])
    x = np.concatenate([specials(t, scale), ties, beside])
    more = (rng.standard_normal(cols - len(x) - TAIL) * (hi - lo) / 3 * float(s)).astype(t)
    return np.concatenate([x, more, tail])


SCALES = [0.3, 0.75, 0.0123, 2.0**-7, 1e-6, 37.5]


def groups():
    rng = np.random.default_rng(4)
    ranges = [("int8", -128, 127), ("uint8", 0, 255), ("narrow int8", -127, 127), ("int4", -8, 7), ("uint4", 0, 15),
              ("3 bits", -4, 3), ("int16", -32768, 32767), ("uint16", 0, 65535)]
    out = []
    def add(name, t, lo, hi, block, quants, cols=COLS):
        per_row = -(-cols // block)
        x = []
        for r in range(0, len(quants), per_row):
            parts = [row(rng, t, *quants[r + b], lo, hi, cols) for b in range(per_row)]
            at = np.arange(cols) // block
            x.append(np.stack(parts)[at, np.arange(cols)])
        x = np.stack(x).astype(t)
        dy = (rng.integers(-64, 65, x.shape) / 16).astype(t)  # few bits, for the file's size
        dy[:, :6] = [0, -0.0, np.inf, -np.inf, np.nan, np.inf]
        out.append(dict(name=name, t=t, min=lo, max=hi, cols=cols, block=block,
                        scale=np.array([q[0] for q in quants], t), zero=[q[1] for q in quants], x=x, dy=dy))
    for name, lo, hi in ranges:
        mid = (lo + hi + 1) // 2
        zeros = [mid, min(mid + 3, hi), max(mid - 3, lo), lo, hi, mid + 1]
        add(name, f32, lo, hi, COLS, list(zip(SCALES, zeros)))
    for name, lo, hi, block in [("int8 blocks", -128, 127, 64), ("uint4 blocks", 0, 15, 32)]:
        n = -(-COLS // block)
        add(name, f32, lo, hi, block, [(float(f32(0.01 * (1 + i % 17))), lo + 1 + i % (hi - lo)) for i in range(2 * n)])
    # Scales that both types hold: the first three with exact reciprocals.
    add("float64", f64, -128, 127, COLS, [(2.0**-7, 0), (0.25, 3), (8.0, -5), (float(f32(0.3)), 3), (float(f32(0.0123)), -7), (37.5, 0)])
    return out


# ---- PyTorch

def bits(mask):
    return np.packbits(np.asarray(mask).reshape(-1), bitorder="little")


def torch_results(gs):
    import torch
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    out = []
    for g in gs:
        res = {}
        out.append(res)
        if g["block"] != g["cols"]:
            continue
        x, dy, lo, hi = torch.tensor(g["x"]), torch.tensor(g["dy"]), g["min"], g["max"]
        scale, zero = torch.tensor(g["scale"].astype(f32)), torch.tensor(g["zero"], dtype=torch.int32)
        rows = list(zip(g["scale"].tolist(), g["zero"]))
        aten = torch.ops.aten

        def stack(ts):
            return torch.stack(list(ts)).numpy()

        both = [aten.fake_quantize_per_tensor_affine_cachemask(x[i], s, z, lo, hi) for i, (s, z) in enumerate(rows)]
        for (y, _), (s, z), xi in zip(both, rows, x):
            same(y, torch.fake_quantize_per_tensor_affine(xi, s, z, lo, hi))
        res["torch.fake_quantize_per_tensor_affine"] = dict(y=stack(y for y, _ in both), mask=bits(stack(m for _, m in both)))
        y, mask = aten.fake_quantize_per_channel_affine_cachemask(x, scale, zero, 0, lo, hi)
        res["torch.fake_quantize_per_channel_affine, int32 zero points"] = dict(y=y.numpy(), mask=bits(mask))
        if g["t"] == f64:
            continue
        y, mask = aten.fake_quantize_per_channel_affine_cachemask(x, scale, zero.float(), 0, lo, hi)
        res["torch.fake_quantize_per_channel_affine, float zero points"] = dict(y=y.numpy(), mask=bits(mask))

        if hi - lo > 255:
            continue
        leaves = [r.clone().requires_grad_() for r in x]
        ys = [torch.fake_quantize_per_tensor_affine(r, s, z, lo, hi) for r, (s, z) in zip(leaves, rows)]
        res["torch.fake_quantize_per_tensor_affine, backward"] = dict(dx=stack(torch.autograd.grad(ys, leaves, list(dy))))
        leaf = x.clone().requires_grad_()
        y = torch.fake_quantize_per_channel_affine(leaf, scale, zero, 0, lo, hi)
        res["torch.fake_quantize_per_channel_affine, backward"] = dict(dx=torch.autograd.grad(y, leaf, dy)[0].numpy())

        if (lo, hi) in [(-128, 127), (0, 255)]:
            dt = torch.qint8 if lo else torch.quint8
            q = [torch.quantize_per_tensor(x[i], s, z, dt) for i, (s, z) in enumerate(rows)]
            res["torch.quantize_per_tensor"] = dict(k=stack(v.int_repr() for v in q), y=stack(v.dequantize() for v in q))
            q = torch.quantize_per_channel(x, scale, zero, 0, dt)
            res["torch.quantize_per_channel, int32 zero points"] = dict(k=q.int_repr().numpy(), y=q.dequantize().numpy())
            q = torch.quantize_per_channel(x, scale, zero.float(), 0, dt)
            res["torch.quantize_per_channel, float zero points"] = dict(k=q.int_repr().numpy(), y=q.dequantize().numpy())

        # The sums are without the special values: one NaN would be all.
        from_, to = len(specials(f32, 1)), COLS - TAIL
        for name, channel in [("torch._fake_quantize_learnable_per_tensor_affine", False), ("torch._fake_quantize_learnable_per_channel_affine", True)]:
            def call(x, s, z, dy):
                x, s, z = (v.clone().requires_grad_() for v in (x, s, z))
                if channel:
                    y = torch._fake_quantize_learnable_per_channel_affine(x, s, z, 0, lo, hi, 1.0)
                else:
                    y = torch._fake_quantize_learnable_per_tensor_affine(x, s, z, lo, hi, 1.0)
                return y.detach(), *torch.autograd.grad(y, (x, s, z), dy)
            def run(x, dy):
                if channel:
                    return call(x, scale, zero.float(), dy)
                rows = [call(x[i], scale[i:i + 1], zero[i:i + 1].float(), dy[i]) for i in range(len(x))]
                return tuple(torch.stack(c) for c in zip(*rows))
            y, dx, _, _ = run(x, dy)
            _, _, ds, dz = run(x[:, from_:to], dy[:, from_:to])
            res[name] = dict(y=y.numpy())
            res[name + ", backward"] = dict(dx=dx.numpy(), dscale=ds.numpy(), dzero=dz.numpy(), sums_from=from_, sums_to=to)
    return dict(capability=torch.backends.cpu.get_cpu_capability().lower(), results=out)


def same(a, b):
    assert a.numpy().tobytes() == b.numpy().tobytes()


def torch_by_build(gs):
    """The results of every build; those that are equal become one."""
    merged = [[] for _ in gs]
    for build in BUILDS:
        p = subprocess.run([sys.executable, __file__, "--torch"], input=pickle.dumps(gs), capture_output=True,
                           env=dict(os.environ, ATEN_CPU_CAPABILITY=build))
        if p.returncode:
            sys.exit(p.stderr.decode())
        got = pickle.loads(p.stdout)
        if got["capability"] != build:
            sys.exit(f"this processor has no {build}")
        for results, into in zip(got["results"], merged):
            for name, arrays in results.items():
                for old in into:
                    if old["of"] == name and all(np.asarray(old[k]).tobytes() == np.asarray(v).tobytes() for k, v in arrays.items()):
                        old["builds"].append(build)
                        break
                else:
                    into.append({"of": name, "builds": [build], **arrays})
    return merged


# ---- ONNX Runtime

def onnx_model(shape, scale, zero, kind, **attributes):
    from onnx import TensorProto, helper
    kind = getattr(TensorProto, kind)
    const = [helper.make_tensor("s", TensorProto.FLOAT, scale.shape, scale.ravel().tolist()),
             helper.make_tensor("z", kind, zero.shape, zero.ravel().tolist())]
    nodes = [helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"], **attributes),
             helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"], **attributes)]
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "g", [value("x", TensorProto.FLOAT, shape)],
                              [value("q", kind, shape), value("y", TensorProto.FLOAT, shape)], const)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    return model.SerializeToString()


def onnx_run(x, scale, zero, kind, **attributes):
    """The levels as they lie in memory, two to a byte for 4 bits, and their values."""
    import onnxruntime as ort
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(onnx_model(x.shape, np.asarray(scale), np.asarray(zero), kind, **attributes), options,
                                   providers=["CPUExecutionProvider"])
    q, y = session.run_with_ort_values(None, {"x": ort.OrtValue.ortvalue_from_numpy(x)})
    size = {"INT4": (x.size + 1) // 2, "UINT4": (x.size + 1) // 2, "INT8": x.size, "UINT8": x.size}.get(kind, 2 * x.size)
    return np.frombuffer(ctypes.string_at(q.data_ptr(), size), np.uint8), y.numpy()


def onnx_results(g):
    kind = g["name"].split()[0].upper()
    if kind not in ("INT8", "UINT8", "INT16", "UINT16", "INT4", "UINT4"):
        return []
    x, scale, zero = g["x"], g["scale"], np.array(g["zero"])
    name = "onnxruntime QuantizeLinear, DequantizeLinear"
    if g["block"] != g["cols"]:
        shape = (len(x), -1)
        k, y = onnx_run(x, scale.reshape(shape), zero.reshape(shape), kind, axis=1, block_size=g["block"])
        return [dict(of=name + ", blocked", k=k, y=y)]
    rows = [onnx_run(r, s, z, kind) for r, s, z in zip(x, scale, zero)]
    k, y = onnx_run(x, scale, zero, kind, axis=0)
    return [dict(of=name, k=np.concatenate([k for k, _ in rows]), y=np.concatenate([y for _, y in rows])),
            dict(of=name + ", per axis", k=k, y=y)]


# ---- GGUF: ggml's block formats, by the numpy code of its authors, which is that of ggml-quants.c to the bit

def ggml():
    import gguf
    rng = np.random.default_rng(5)
    x = rng.standard_normal((40, 32)).astype(f32) * np.exp(rng.uniform(-20, 8, (40, 1))).astype(f32)
    x[0] = 0
    x[1] = -0.0
    x[2, :] = np.arange(32) - 16  # the largest is negative
    x[3, :] = 16 - np.arange(32)  # and positive
    for r, top in [(4, 127), (5, -127), (6, 8), (7, -8)]:  # half steps
        x[r, :] = np.clip(np.arange(-16, 16) + 0.5, -abs(top), abs(top))
        x[r, 7] = top
    x[8, :] = 0
    x[8, 5] = 1e-5
    x[9, ::2] = -x[9, ::2] * 1e-4
    x[10, :] = 3
    x[11, :] = -3
    out = []
    for kind in ("Q8_0", "Q4_0"):
        t = getattr(gguf.GGMLQuantizationType, kind)
        blocks = gguf.quants.quantize(x, t)
        out.append(dict(format=kind, x=x, blocks=blocks, y=gguf.quants.dequantize(blocks, t)))
    return out


# ---- the file

class Arrays:
    """The bytes of all arrays, equal ones once."""

    def __init__(self):
        self.bytes, self.seen = b"", {}

    def plain(self, v):
        if isinstance(v, np.ndarray):
            b = v.astype(v.dtype.newbyteorder("<")).tobytes()
            if b not in self.seen:
                self.seen[b] = dict(at=len(self.bytes), size=len(b))
                self.bytes += b
            return self.seen[b]
        if isinstance(v, dict):
            return {k: self.plain(w) for k, w in v.items()}
        if isinstance(v, list):
            return [self.plain(w) for w in v]
        return v


def main():
    from importlib.metadata import version
    import platform
    gs = groups()
    results = torch_by_build(gs)
    for g, r in zip(gs, results):
        if g["t"] == f32:
            r += onnx_results(g)
        g["bits"] = 8 * np.dtype(g.pop("t")).itemsize
        g["results"] = r
    made_with = {p: version(p) for p in ("torch", "onnxruntime", "onnx", "gguf", "numpy")} | {"machine": platform.machine()}
    arrays = Arrays()
    text = json.dumps(arrays.plain(dict(made_with=made_with, groups=gs, ggml=ggml())), indent=0, sort_keys=True).encode()
    to = io.BytesIO()
    with gzip.GzipFile("", "wb", 9, to, mtime=0) as z:
        z.write(len(text).to_bytes(4, "little") + text + arrays.bytes)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden.gz")
    with open(path, "wb") as f:
        f.write(to.getvalue())
    print(path, len(to.getvalue()), "bytes", made_with)


if __name__ == "__main__":
    if sys.argv[1:] == ["--torch"]:
        sys.stdout.buffer.write(pickle.dumps(torch_results(pickle.load(sys.stdin.buffer))))
    else:
        main()
