#!/usr/bin/env python3
"""The recipe of `stillroom pretrain --preset one-cycle-cifar` as a plain PyTorch loop, to compare accuracies.

  pretrain_torch.py SHARED DATA [--epochs 3] [--seed 0]
SHARED holds parity/generate_models.py with the ConvNet; DATA has train/ and test/ with a folder per class. Prints one
JSON line. Differences that are left: the random numbers, and PyTorch's own initialisation order."""
import argparse, glob, json, os, sys, time
import numpy as np, torch, torch.nn.functional as F
from PIL import Image

p = argparse.ArgumentParser()
p.add_argument("shared"); p.add_argument("data")
p.add_argument("--epochs", type=int, default=3); p.add_argument("--seed", type=int, default=0)
a = p.parse_args()
sys.path.insert(0, os.path.join(a.shared, "parity"))
from generate_models import ConvNet

MEAN, STD = (torch.tensor(v).view(1, 3, 1, 1) for v in ((.485, .456, .406), (.229, .224, .225)))

def load(split):
    names = sorted(os.listdir(os.path.join(a.data, split))); xs, ys = [], []
    for c, name in enumerate(names):
        for f in sorted(glob.glob(os.path.join(a.data, split, name, "*"))):
            xs.append(np.asarray(Image.open(f).convert("RGB"))); ys.append(c)
    x = torch.from_numpy(np.stack(xs)).permute(0, 3, 1, 2).float() / 255
    return x, torch.tensor(ys), len(names)

torch.manual_seed(a.seed)
(x, y, classes), (vx, vy, _) = load("train"), load("test")
vx = (vx - MEAN) / STD
net = ConvNet(3, 32, classes)
batch, steps = 256, -(-len(x) // 256)
opt = torch.optim.SGD(net.parameters(), lr=.1, momentum=.9, nesterov=True, weight_decay=5e-4)
# stillroom's one-cycle leaves the momentum alone.
sched = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=.1, total_steps=a.epochs * steps, cycle_momentum=False)
start, log = time.time(), []
for e in range(a.epochs):
    net.train(); order = torch.randperm(len(x)); total = 0.
    for i in range(0, len(x), batch):
        j = order[i:i + batch]; b = F.pad(x[j], (4,) * 4); n = len(j)
        top, left = torch.randint(0, 9, (n,)), torch.randint(0, 9, (n,)); flip = torch.rand(n) < .5
        b = torch.stack([b[k, :, top[k]:top[k] + 32, left[k]:left[k] + 32] for k in range(n)])
        b[flip] = b[flip].flip(3)
        loss = F.cross_entropy(net((b - MEAN) / STD), y[j]); opt.zero_grad(); loss.backward(); opt.step(); sched.step()
        total += loss.item() * n
    net.eval()
    with torch.no_grad():
        acc = sum((net(vx[i:i + 500]).argmax(1) == vy[i:i + 500]).sum().item() for i in range(0, len(vx), 500)) / len(vx) * 100
    log.append({"epoch": e, "loss": round(total / len(x), 4), "top1": round(acc, 2)})
print(json.dumps({"job": "pretrain", "epochs": log, "seconds": round(time.time() - start, 1), "torch": torch.__version__}))
