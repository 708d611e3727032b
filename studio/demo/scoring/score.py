"""Predicts the progression of diabetes with a gradient-boosted model.

Takes {"input_data": {"columns": [...], "data": [[...], ...]}} or {"input_data": [[...], ...]}.
"""

import json
import os
import pickle
from pathlib import Path

import numpy as np

model = None
columns = []


def init():
    global model, columns  # noqa: PLW0603 - Azure's scoring scripts keep their model in a global
    folder = Path(os.environ["AZUREML_MODEL_DIR"])
    model = pickle.loads((folder / "model.pkl").read_bytes())
    columns = json.loads((folder / "facts.json").read_text())["columns"]


def run(raw_data):
    rows = json.loads(raw_data)["input_data"]
    if isinstance(rows, dict):
        order = [rows["columns"].index(name) for name in columns]
        rows = [[row[position] for position in order] for row in rows["data"]]
    return model.predict(np.asarray(rows, dtype=float)).tolist()
