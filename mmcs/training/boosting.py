"""Boosted trees: grown by scikit-learn, kept as plain arrays."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier

from mmcs.trees import Trees

SEED = 1


def new_trees(count: int, least: int) -> GradientBoostingClassifier:
    """Return so many small trees that are not grown yet; a leaf holds ``least`` rows or more."""
    return GradientBoostingClassifier(
        n_estimators=count,
        learning_rate=0.05,
        max_depth=3,
        subsample=0.6,
        max_features=0.3,
        min_samples_leaf=least,
        random_state=SEED,
    )


def exported(model: GradientBoostingClassifier) -> Trees:
    """Return a fitted model of two classes as plain arrays."""
    trees = [estimator.tree_ for estimator in model.estimators_[:, 0]]
    shape = (len(trees), max(tree.node_count for tree in trees))
    feature, left, right = (np.full(shape, -1, dtype=np.int16) for _ in range(3))
    limit, value = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for row, tree in enumerate(trees):
        here = slice(0, tree.node_count)
        feature[row, here] = np.maximum(tree.feature, -1)
        left[row, here], right[row, here] = tree.children_left, tree.children_right
        limit[row, here] = tree.threshold
        value[row, here] = model.learning_rate * tree.value[:, 0, 0]
    share = float(model.init_.class_prior_[1])
    return Trees(feature, limit, left, right, value, np.array([np.log(share / (1 - share))]))
