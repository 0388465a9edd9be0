#!/usr/bin/env python3
"""What scikit-learn makes of rows of features, to compare stillroom's maps with.

  insight_sklearn.py ROWS [--dims D] [--components 5] [--perplexity 30] [--seed 0] [--clusters 8] [--map MAP]
ROWS is an .npy file (n x D), or raw little-endian float32, row after row, with --dims. Needs numpy and scikit-learn.
MAP is a map of the same rows by another program: raw little-endian float32, n x 2.

Prints one JSON line: the variances of PCA (full decomposition), their parts of the total and the axes' first entries; for
TSNE with the defaults (PCA initialisation, Barnes-Hut, 1000 steps) its own KL divergence, kl_exact and trustworthiness
(k = 5), and the seconds that it took; for MAP kl_exact and trustworthiness; the inertia of KMeans (best of 10).
kl_exact is the same for both: the joint probabilities that scikit-learn makes of the nearest neighbours, against all n^2
pairs of the map, in double precision."""
import argparse, json, time
import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness
from sklearn.manifold._t_sne import _joint_probabilities_nn
from sklearn.neighbors import NearestNeighbors

p = argparse.ArgumentParser()
p.add_argument("rows"); p.add_argument("--dims", type=int); p.add_argument("--components", type=int, default=5)
p.add_argument("--perplexity", type=float, default=30); p.add_argument("--seed", type=int, default=0)
p.add_argument("--clusters", type=int, default=8); p.add_argument("--map")
a = p.parse_args()
if a.rows.endswith(".npy"): rows = np.load(a.rows).astype(np.float32)
elif a.dims: rows = np.fromfile(a.rows, "<f4").reshape(-1, a.dims)
else: p.error("raw rows need --dims")

def joint():
    near = min(len(rows) - 1, int(3 * a.perplexity + 1))
    graph = NearestNeighbors(n_neighbors=near).fit(rows).kneighbors_graph(mode="distance")
    graph.data **= 2
    return _joint_probabilities_nn(graph, a.perplexity, 0).tocoo()

def judged(points, P):
    y = points.astype(np.float64)
    weights = 1 / (1 + np.square(y[:, None] - y[None]).sum(2))
    np.fill_diagonal(weights, 0)
    q = weights[P.row, P.col] / weights.sum()
    used = P.data > 0
    kl = float((P.data[used] * np.log(P.data[used] / q[used])).sum())
    return {"kl_exact": kl, "trustworthiness": float(trustworthiness(rows, points, n_neighbors=5))}

P = joint()
pca = PCA(a.components, svd_solver="full").fit(rows.astype(np.float64))
tsne = TSNE(perplexity=a.perplexity, random_state=a.seed)
begun = time.perf_counter()
points = tsne.fit_transform(rows)
seconds = time.perf_counter() - begun
found = {"rows": list(rows.shape),
         "pca": {"variances": pca.explained_variance_.tolist(), "ratios": pca.explained_variance_ratio_.tolist(),
                 "first_entries": pca.components_[:, 0].tolist()},
         "tsne": {"kl": float(tsne.kl_divergence_), "steps": int(tsne.n_iter_), "seconds": round(seconds, 2)} | judged(points, P)}
if a.map: found["map"] = judged(np.fromfile(a.map, "<f4").reshape(-1, 2), P)
found["kmeans"] = {"inertia": float(KMeans(a.clusters, n_init=10, random_state=a.seed).fit(rows).inertia_)}
print(json.dumps(found))
