"""Scoring scripts as people write them for Azure's server, unmodified by us."""

DECORATED = """
import os

import numpy as np
import pandas as pd
from inference_schema.parameter_types.numpy_parameter_type import NumpyParameterType
from inference_schema.parameter_types.pandas_parameter_type import PandasParameterType
from inference_schema.parameter_types.standard_py_parameter_type import StandardPythonParameterType
from inference_schema.schema_decorators import input_schema, output_schema


def init():
    global loaded
    loaded = "AZUREML_MODEL_DIR" in os.environ


@input_schema("data", NumpyParameterType(np.array([[0.1, 1.2, 2.3]])))
@input_schema("visits", PandasParameterType(pd.DataFrame({"city": ["Oslo"], "days": [3]})))
@input_schema("factor", StandardPythonParameterType(2))
@output_schema(NumpyParameterType(np.array([1.5])))
def run(data, visits, factor=2):
    return (data.sum(axis=1) * factor + visits["days"].sum()).tolist()
"""

DECORATED_BODY = {"data": [[1, 2, 3], [4, 5, 6]], "visits": [{"city": "Rome", "days": 3}], "factor": 3}
DECORATED_ANSWER = [21.0, 48.0]

RAW = """
import json

from azureml.contrib.services.aml_request import AMLRequest, rawhttp
from azureml.contrib.services.aml_response import AMLResponse


def init():
    pass


@rawhttp
def run(request):
    if request.method == "GET":
        return AMLResponse(str.encode(request.full_path), 200)
    if request.args.get("stream"):
        return AMLResponse((f"piece {n}\\n" for n in range(3)), 200, {"Content-Type": "text/event-stream"})
    if request.args.get("fail"):
        raise ValueError("no such picture")
    if request.files:
        picture = request.files["image"]
        seen = {"name": picture.filename, "size": len(picture.read()), "title": request.form["title"]}
        return AMLResponse(json.dumps(seen), 200, {"Content-Type": "application/json"})
    if request.is_json:
        return {"asked": request.get_json(), "token": request.headers.get("Authorization")}
    body = request.get_data(False)
    return AMLResponse(body[::-1], 201, {"Content-Type": "image/png", "X-Seen": request.headers["X-Picture"]})
"""

HEADERS = """
import json

def init():
    pass

def run(data, request_headers):
    return {"data": json.loads(data), "language": request_headers.get("Accept-Language")}
"""
