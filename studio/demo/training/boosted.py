"""Trains the demo's gradient-boosted model and pickles it. Runs inside the model's own environment.

usage: python boosted.py FOLDER
"""

import json
import pickle
import sys
from pathlib import Path

from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import train_test_split


def main(folder: str) -> None:
    data = load_diabetes(scaled=False)
    train_x, test_x, train_y, test_y = train_test_split(data.data, data.target, random_state=0)
    model = GradientBoostingRegressor(n_estimators=120, max_depth=3, learning_rate=0.05, random_state=0)
    model.fit(train_x, train_y)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    (target / "model.pkl").write_bytes(pickle.dumps(model))
    facts = {"columns": list(data.feature_names), "r2": round(float(model.score(test_x, test_y)), 3)}
    (target / "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1])
