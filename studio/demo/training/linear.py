"""Trains the demo's linear model and saves it with MLflow. Runs inside the model's own environment.

usage: python linear.py FOLDER
"""

import sys

import mlflow.sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import train_test_split


def main(folder: str) -> None:
    features, progression = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    features = features.astype(float)
    train_x, test_x, train_y, test_y = train_test_split(features, progression, random_state=0)
    model = LinearRegression().fit(train_x, train_y)
    mlflow.sklearn.save_model(
        model,
        folder,
        signature=infer_signature(train_x, model.predict(train_x)),
        input_example=test_x.head(2),
        serialization_format="cloudpickle",
        metadata={"r2": round(float(model.score(test_x, test_y)), 3)},
    )


if __name__ == "__main__":
    main(sys.argv[1])
