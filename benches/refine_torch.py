#!/usr/bin/env python3
"""Iterations of SRe2L and LIC as a plain PyTorch loop on the processor, to compare speed and memory with.

  refine_torch.py SHARED --method sre2l|lic [--net conv3|tf_efficientnet_lite0] [--batch 10] [--seconds 20]
SHARED holds weights/ and parity/generate_models.py with the ConvNet. One cell per process, so that the peak memory is its
own. Prints one JSON line: iterations per second (median and best iteration), milliseconds of processor time an iteration,
peak resident memory, and that less what the process held after importing PyTorch. Observers are frozen and their
parameters have no gradients.

sre2l: a batch of noise; each iteration one random resized crop, flip and roll for the whole batch, cross-entropy, statistics
of the input of every batch norm, Adam, clamp. lic: --batch images of one class at N = 4; the 4 x batch originals pass
without gradient, the expanded cells with one, L1 on one feature (the classifier's input up to 64 pixels, else the output of
the second stage, where the pass ends), AdamW."""
import argparse, json, math, os, random, resource, statistics, sys, time
import torch, torch.nn as nn, torch.nn.functional as F
import torchvision.transforms.v2.functional as TF
from torchvision.transforms.v2 import RandomResizedCrop

p = argparse.ArgumentParser()
p.add_argument("shared"); p.add_argument("--method", choices=["sre2l", "lic"], required=True)
p.add_argument("--net", default="conv3"); p.add_argument("--batch", type=int, default=10)
p.add_argument("--seconds", type=float, default=20); p.add_argument("--threads", type=int, default=2)
p.add_argument("--channels-last", action="store_true"); p.add_argument("--plain", action="store_true", help="no crop, flip, roll")
a = p.parse_args()
torch.set_num_threads(a.threads); torch.manual_seed(0); random.seed(0)
sys.path.insert(0, os.path.join(a.shared, "parity"))

def held():
    with open("/proc/self/statm") as f: return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

def conv3():
    from generate_models import ConvNet
    net = ConvNet(3, 32, 10)
    net.load_state_dict(torch.load(os.path.join(a.shared, "weights/cifar10_conv3.pth"), map_location="cpu", weights_only=True)["model"])
    def feature(x):
        for d in range(3): x = F.avg_pool2d(torch.relu(net.layers["norm"][d](net.layers["conv"][d](x))), 2)
        return x.flatten(1)
    return net, feature, 32, (.485, .456, .406), (.229, .224, .225)

def lite0():
    import timm
    from safetensors.torch import load_file
    net = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    net.load_state_dict(load_file(os.path.join(a.shared, "weights/tf_efficientnet_lite0.safetensors")))
    return net, lambda x: net.blocks[1](net.blocks[0](net.bn1(net.conv_stem(x)))).flatten(1), 224, (.5,) * 3, (.5,) * 3

import_mib = held()
net, feature, S, mean, std = {"conv3": conv3, "tf_efficientnet_lite0": lite0}[a.net]()
net.eval().requires_grad_(False)
layout = torch.channels_last if a.channels_last else torch.contiguous_format
net.to(memory_format=layout)
mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (mean, std))

def sre2l():
    """Recover: spec of the official loop, with its default crop, roll of up to S/7 and its terms without TV and l2."""
    r_bn, gaps = .01, []
    def look(norm, args):
        x = args[0]
        var, mu = torch.var_mean(x, (0, 2, 3), correction=0)
        gaps.append((norm.running_var - var).norm() + (norm.running_mean - mu).norm())
    for m in net.modules():
        if isinstance(m, nn.BatchNorm2d): m.register_forward_pre_hook(look)
    x = torch.randn(a.batch, 3, S, S, requires_grad=True)
    y = torch.arange(a.batch) % 10
    opt = torch.optim.Adam([x], lr=.25, betas=(.5, .9), eps=1e-8)
    low, high = -mean / std, (1 - mean) / std
    reach = math.ceil(S / 7)
    def iterate():
        gaps.clear(); v = x
        if not a.plain:
            top, left, h, w = RandomResizedCrop(S).make_params([x]).values()
            v = TF.resized_crop(x, top, left, h, w, [S, S], antialias=True)
            if random.random() < .5: v = v.flip(3)
            v = v.roll((random.randint(0, reach), random.randint(0, reach)), (2, 3))
        z = net(v.contiguous(memory_format=layout))
        loss = F.cross_entropy(z, y) + r_bn * (10 * gaps[0] + sum(gaps[1:]))
        opt.zero_grad(); loss.backward(); opt.step()
        with torch.no_grad(): x.clamp_(low, high)
        return loss
    return iterate

def lic():
    originals = torch.rand(a.batch * 4, 3, S, S)
    half = S // 2
    small = F.interpolate(originals, (half, half), mode="nearest").view(4, a.batch, 3, half, half)
    mosaic = torch.cat([torch.cat([small[0], small[1]], 3), torch.cat([small[2], small[3]], 3)], 2)
    delta = torch.zeros_like(mosaic, requires_grad=True)
    opt = torch.optim.AdamW([delta], lr=.01)
    reach, side = int(.125 * S + .5), int(.5 * S + .5)
    def augment(v, flip, shift, cut):
        if flip: v = v.flip(3)
        v = F.pad(v, (reach,) * 4)[:, :, reach + shift[0]:reach + shift[0] + S, reach + shift[1]:reach + shift[1] + S]
        hole = torch.ones(1, 1, S, S)
        hole[:, :, max(cut[0] - side // 2, 0):cut[0] + side // 2, max(cut[1] - side // 2, 0):cut[1] + side // 2] = 0
        return (v * hole).contiguous(memory_format=layout)
    def iterate():
        x = mosaic + delta
        cells = torch.cat([x[:, :, :half, :half], x[:, :, :half, half:], x[:, :, half:, :half], x[:, :, half:, half:]])
        grown = F.interpolate(cells, (S, S), mode="bilinear", align_corners=False)
        draw = random.random() < .5, [random.randint(-reach, reach) for _ in "yx"], [random.randrange(S) for _ in "yx"]
        with torch.no_grad(): wanted = feature(augment((originals - mean) / std, *draw))
        loss = (wanted - feature(augment((grown - mean) / std, *draw))).abs().mean(1).sum()
        opt.zero_grad(); loss.backward(); opt.step()
        return loss
    if a.net == "conv3": assert feature(originals[:1]).shape[1] == 2048
    return iterate

iterate = {"sre2l": sre2l, "lic": lic}[a.method]()
first = iterate().item(); iterate()
laps, start, busy = [], time.perf_counter(), time.process_time()
while len(laps) < 5 or time.perf_counter() - start < a.seconds:
    at = time.perf_counter(); loss = iterate(); laps.append(time.perf_counter() - at)
busy = (time.process_time() - busy) / len(laps)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps({
    "job": a.method, "net": a.net, "batch": a.batch, "channels_last": a.channels_last, "iterations": len(laps),
    "iterations_per_second": round(1 / statistics.median(laps), 3), "best": round(1 / min(laps), 3), "processor_ms": round(busy * 1e3, 1),
    "peak_mib": round(peak, 1), "peak_less_import_mib": round(peak - import_mib, 1), "import_mib": round(import_mib, 1),
    "loss": [round(first, 4), round(loss.item(), 4)], "threads": a.threads, "torch": torch.__version__}))
