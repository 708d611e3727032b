"""What servers tell of their tokens, and what is no such thing."""

import pytest

from endpoints.domain.tokens import tokens_of

VLLM = """# HELP vllm:prompt_tokens_total Number of prefill tokens processed.
# TYPE vllm:prompt_tokens_total counter
vllm:prompt_tokens_total{engine="0",model_name="a} 7"} 8.128902e+06
vllm:prompt_tokens_total{engine="1",model_name="b"} 98.0
# TYPE vllm:generation_tokens_total counter
vllm:generation_tokens_total{engine="0",model_name="a} 7"} 20.0
vllm:generation_tokens_created{engine="0"} 1.7e9
"""
TGI = """tgi_request_input_length_sum 12
tgi_request_input_length_count 3
tgi_request_generated_tokens_bucket{le="10"} 3
tgi_request_generated_tokens_sum 30 1700000000000
"""
LLAMA = "llamacpp:prompt_tokens_total 6886\r\nllamacpp:tokens_predicted_total 3469\r\n"


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        (VLLM, {"tokens_in": 8_129_000, "tokens_out": 20}),
        (TGI, {"tokens_in": 12, "tokens_out": 30}),
        (LLAMA, {"tokens_in": 6886, "tokens_out": 3469}),
        ('sglang:generation_tokens_total{model_name="m"} 7.5e+06\n', {"tokens_out": 7_500_000}),
        ("studio_completion_tokens_total 1\nstudio_completion_tokens_total 2", {"tokens_out": 3}),
        ("studio_prompt_tokens_total 0", {"tokens_in": 0}),
        ("studio_prompt_tokens_total NaN\nstudio_completion_tokens_total -3", {}),
        ("studio_prompt_tokens_total +Inf", {}),
        ("studio_prompt_tokens_total 1e400", {}),
        ("studio_prompt_tokens_total 1e5e5", {}),
        ("studio_prompt_tokens_total_more 5\n  studio_prompt_tokens_total 5\nx studio_prompt_tokens_total 5", {}),
        ("studio_prompt_tokens_total", {}),
        ("", {}),
    ],
)
def test_tokens(text: str, tokens: dict[str, int]) -> None:
    assert tokens_of(text) == tokens


def test_ten_thousand_labels_are_summed() -> None:
    text = "".join(f'vllm:prompt_tokens_total{{session="{number}"}} 1.0\n' for number in range(10_000))
    assert tokens_of(text) == {"tokens_in": 10_000}


@pytest.mark.parametrize(
    "rest", ["{" + "} 1" * 300_000 + " x", " " * 10**6 + "x", " " + "1" * 10**6, "{" + "}" * 10**6 + " 1 x"]
)
def test_a_line_that_means_to_keep_us_busy_does_not(rest: str) -> None:
    """A quadratic look would outlast the patience of whoever runs this."""
    assert tokens_of(f"studio_prompt_tokens_total{rest}") == {}
