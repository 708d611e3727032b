"""Tokens, as inference servers count them in what they tell Prometheus."""

import math
import re
from collections.abc import Mapping

TOKENS_IN, TOKENS_OUT = "tokens_in", "tokens_out"
# By the documentation of vLLM, SGLang, llama.cpp and Text Generation Inference; the last are for anybody's own server.
COUNTERS: Mapping[str, str] = {
    "vllm:prompt_tokens_total": TOKENS_IN,
    "vllm:generation_tokens_total": TOKENS_OUT,
    "sglang:prompt_tokens_total": TOKENS_IN,
    "sglang:generation_tokens_total": TOKENS_OUT,
    "llamacpp:prompt_tokens_total": TOKENS_IN,
    "llamacpp:tokens_predicted_total": TOKENS_OUT,
    "tgi_request_input_length_sum": TOKENS_IN,
    "tgi_request_generated_tokens_sum": TOKENS_OUT,
    "studio_prompt_tokens_total": TOKENS_IN,
    "studio_completion_tokens_total": TOKENS_OUT,
}
NAMES = "|".join(map(re.escape, COUNTERS))
# Every part is bounded: whoever writes it may mean to keep us busy.
LINE = re.compile(
    rf"^({NAMES})(?:\{{.*\}})?[ \t]{{1,4}}([0-9.eE+]{{1,40}})(?:[ \t]{{1,4}}\d{{1,20}})?[ \t]{{0,4}}\r?$", re.M
)
MOST = 2**53  # whole in a float, which is what is told


def tokens_of(text: str) -> dict[str, int]:
    """Since the server began, whatever labels they are counted by. What is no number from 0 to MOST is left out."""
    found: dict[str, int] = {}
    for name, told in LINE.findall(text):
        count = _number(told)
        if 0 <= count <= MOST:
            found[COUNTERS[name]] = found.get(COUNTERS[name], 0) + int(count)
    return found


def _number(told: str) -> float:
    try:
        return float(told)
    except ValueError:
        return math.nan
