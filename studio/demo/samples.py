"""Requests that look like patients: columns of scikit-learn's diabetes data, in their own units."""

import random
from typing import Any

# column: (lowest, highest, whole numbers only), as they occur in the data
COLUMNS: dict[str, tuple[float, float, bool]] = {
    "age": (19, 79, True),
    "sex": (1, 2, True),
    "bmi": (18, 42.2, False),
    "bp": (62, 133, False),
    "s1": (97, 301, True),
    "s2": (41.6, 242.4, False),
    "s3": (22, 99, True),
    "s4": (2, 9.09, False),
    "s5": (3.2581, 6.107, False),
    "s6": (58, 124, True),
}


def sample_body(chance: random.Random) -> dict[str, Any]:
    """One to four rows in Azure's `input_data` form."""
    rows = [[_value(chance, *limits) for limits in COLUMNS.values()] for _ in range(chance.randint(1, 4))]
    return {"input_data": {"columns": list(COLUMNS), "index": list(range(len(rows))), "data": rows}}


def _value(chance: random.Random, low: float, high: float, whole: bool) -> float:
    value = chance.uniform(low, high)
    return float(round(value)) if whole else round(value, 3)
