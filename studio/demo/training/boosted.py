"""Trains the demo's gradient-boosted model and saves it with joblib. Runs inside the model's own environment.

usage: python boosted.py FOLDER
"""

import json
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_diabetes
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.model_selection import train_test_split


def main(folder: str) -> None:
    features, progression = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    train_x, test_x, train_y, test_y = train_test_split(features.astype(float), progression, random_state=0)
    model = GradientBoostingRegressor(n_estimators=120, max_depth=3, learning_rate=0.05, random_state=0)
    model.fit(train_x.to_numpy(), train_y)
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, target / "model.joblib")
    facts = {"columns": list(train_x.columns), "r2": round(float(model.score(test_x.to_numpy(), test_y)), 3)}
    (target / "facts.json").write_text(json.dumps(facts))


if __name__ == "__main__":
    main(sys.argv[1])
