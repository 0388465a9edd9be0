#!/usr/bin/env python3
"""Suspicious labels as cleanlab finds them, to compare with `stillroom suspects`.

  insight_cleanlab.py PROBABILITIES.csv LIST.csv [--flipped FILE.json]
PROBABILITIES.csv and LIST.csv are what `stillroom suspects --probabilities … --out …` has written; the same probabilities
are given to cleanlab's find_label_issues with its defaults. Prints how many images either flags, and how many both. FILE.json
lists the labels that are known to be wrong, as `flip` writes it; then precision and recall in percent are printed, too.

  insight_cleanlab.py flip DATA OUT [--images 5000] [--wrong 300] [--seed 1]
copies so many training images of a dataset of class folders, gives some another class, and writes OUT/flipped.json.

  insight_cleanlab.py made
prints the right values of the test in src/core/insight/confident.rs."""
import argparse, csv, json, os, random, shutil, sys

def rows(path):
    with open(path, newline="") as f: return list(csv.reader(f))

def issues(labels, probabilities):
    from cleanlab.filter import find_label_issues
    return find_label_issues(labels, probabilities, return_indices_ranked_by="self_confidence", n_jobs=1)

def compare(a):
    import numpy as np
    head, *table = rows(a.probabilities)
    names = head[2:]
    labels = np.array([names.index(row[1]) for row in table])
    p = np.array([[float(x) for x in row[2:]] for row in table])
    found = [table[i][0] for i in issues(labels, p / p.sum(1, keepdims=True))]
    ours = [row[1] for row in rows(a.list)[1:]]
    print(json.dumps({"cleanlab": len(found), "stillroom": len(ours), "both": len(set(found) & set(ours))}))
    if a.flipped:
        tail = lambda path: "/".join(path.split("/")[-2:])
        with open(a.flipped) as f: wrong = set(json.load(f))
        for name, flagged in (("cleanlab", found), ("stillroom", ours)):
            hits = len(wrong & {tail(f) for f in flagged})
            print(json.dumps({"by": name, "precision": 100 * hits / max(1, len(flagged)), "recall": 100 * hits / len(wrong)}))

def flip(a):
    train, draw = os.path.join(a.data, "train"), random.Random(a.seed)
    classes = sorted(os.listdir(train))
    files = draw.sample([(c, f) for c in classes for f in sorted(os.listdir(os.path.join(train, c)))], a.images)
    wrong, listed = set(draw.sample(range(a.images), a.wrong)), []
    for i, (real, name) in enumerate(files):
        given = draw.choice([c for c in classes if c != real]) if i in wrong else real
        if i in wrong: listed.append(f"{given}/{real}-{name}")
        os.makedirs(os.path.join(a.out, "train", given), exist_ok=True)
        shutil.copy(os.path.join(train, real, name), os.path.join(a.out, "train", given, f"{real}-{name}"))
    with open(os.path.join(a.out, "flipped.json"), "w") as f: json.dump(listed, f)

def made(_):
    import numpy as np
    from cleanlab.count import compute_confident_joint
    def draws(state=7):
        while True:
            state = (state * 1103515245 + 12345) % (1 << 31)
            yield (state >> 16) / 32768.0
    n, k, d = 200, 5, draws()
    p, labels = np.zeros((n, k)), np.zeros(n, int)
    for i in range(n):
        real, wrong = int(next(d) * k), next(d)
        labels[i] = real if wrong < 0.8 else (real + 1 + int(wrong * 1000) % (k - 1)) % k
        row = np.array([next(d) ** 2 for _ in range(k)]); row[real] += 0.7
        p[i] = row / row.sum()
    p = p.astype(np.float32).astype(float)
    print(issues(labels, p).tolist(), compute_confident_joint(labels, p).ravel().tolist())

first = sys.argv[1] if len(sys.argv) > 1 else ""
p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
if first == "flip":
    p.add_argument("flip"); p.add_argument("data"); p.add_argument("out")
    p.add_argument("--images", type=int, default=5000); p.add_argument("--wrong", type=int, default=300)
    p.add_argument("--seed", type=int, default=1)
    flip(p.parse_args())
elif first == "made":
    made(None)
else:
    p.add_argument("probabilities"); p.add_argument("list"); p.add_argument("--flipped")
    compare(p.parse_args())
