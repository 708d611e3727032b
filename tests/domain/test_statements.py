"""Statements add up to the cent, whatever was used and however it is grouped."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endpoints.domain.errors import Invalid
from endpoints.domain.statements import GROUPS, UNALLOCATED, Entry, grouped, read_month, statement
from endpoints.enums import Meter, UsagePhase

NOW = datetime(2026, 11, 15, 12, tzinfo=UTC)
HOUR = 3_600_000_000


def entry(**fields: Any) -> Entry:
    return Entry(
        **{
            "workspace": "research",
            "endpoint": "churn",
            "deployment": "blue",
            "owner": "ada@example.com",
            "meter": Meter.ONLINE,
            "item": "small",
            "phase": UsagePhase.RUNNING,
            "job": "",
            "unit_price": Decimal("0.05"),
            "quantity": HOUR,
            **fields,
        }
    )


def test_thirds_of_a_cent_make_a_cent() -> None:
    thirds = [entry(deployment=name, unit_price=Decimal("0.01"), quantity=HOUR // 3) for name in ("a", "b", "c")]
    found = statement(thirds)
    assert (found.total, [line.cents for line in found.lines]) == (Decimal("0.01"), [1, 0, 0])


def test_half_a_cent_is_rounded_up_once() -> None:
    halves = [entry(deployment=name, unit_price=Decimal("0.005")) for name in ("a", "b", "c")]
    found = statement(halves)
    assert (found.total, [line.cents for line in found.lines]) == (Decimal("0.02"), [1, 1, 0])


def test_every_basis_stands_in_one_statement() -> None:
    found = statement(
        [
            entry(quantity=10 * HOUR),
            entry(meter=Meter.BATCH, job="nightly", quantity=2 * HOUR),
            entry(meter=Meter.INPUT_TOKENS, item="phi", unit_price=Decimal("0.15"), quantity=2_000_000),
            entry(meter=Meter.OUTPUT_TOKENS, item="phi", unit_price=Decimal("0.60"), quantity=500_000),
            entry(meter=Meter.ENDPOINT_MINUTES, item="phi", unit_price=Decimal("0.01"), quantity=30 * HOUR),
        ]
    )
    by_meter = {group.name: group.amount for group in grouped(found.lines, "meter")}
    assert by_meter == {
        "Online instances": Decimal("0.50"),
        "Input tokens": Decimal("0.30"),
        "Output tokens": Decimal("0.30"),
        "Endpoint minutes": Decimal("0.30"),
        "Batch instances": Decimal("0.10"),
    }
    assert [group.name for group in grouped(found.lines, "job")] == ["nightly", UNALLOCATED]
    assert {line.unit for line in found.lines} == {"hour", "million tokens"}


def test_groups_by_owner_and_tag_say_what_is_unallocated() -> None:
    lines = statement([entry(tags={"team": "risk"}), entry(deployment="old", owner="", tags={"team": ""})]).lines
    assert [group.name for group in grouped(lines, "owner")] == ["ada@example.com", UNALLOCATED]
    assert [group.name for group in grouped(lines, "tag:team")] == ["risk", UNALLOCATED]
    for group in ("", "tag:", "colour"):
        with pytest.raises(Invalid):
            grouped(lines, group)


def test_hours_are_told_by_what_was_done_with_them() -> None:
    phases = {UsagePhase.BUILDING: 1, UsagePhase.STARTING: 2, UsagePhase.RUNNING: 3, UsagePhase.DRAINING: 4}
    [group] = grouped(
        statement([entry(phase=phase, quantity=hours * HOUR) for phase, hours in phases.items()]).lines, "endpoint"
    )
    assert group.phases == {phase.value: hours for phase, hours in phases.items()}


entries = st.builds(
    entry,
    workspace=st.sampled_from(["one", "two"]),
    endpoint=st.sampled_from(["a", "b"]),
    deployment=st.sampled_from(["blue", "green", "red"]),
    owner=st.sampled_from(["", "ada@example.com", "bob@example.com"]),
    tags=st.sampled_from([{}, {"team": "risk"}, {"team": "ads"}]),
    meter=st.sampled_from(list(Meter)),
    phase=st.sampled_from(list(UsagePhase)),
    job=st.sampled_from(["", "nightly"]),
    unit_price=st.decimals(0, 100, places=4),
    quantity=st.integers(0, 800 * HOUR),
)


@settings(deadline=None)
@given(st.lists(entries, max_size=40))
def test_lines_and_groups_add_up_to_the_exact_sum_rounded_once(found: Sequence[Entry]) -> None:
    made = statement(found)
    exact = {
        name: sum((each.amount.exact for each in found if each.workspace == name), Fraction())
        for name in ("one", "two")
    }
    assert made.cents == sum(floor(each * 100 + Fraction(1, 2)) for each in exact.values())
    assert made.total == sum((line.amount for line in made.lines), Decimal(0))
    assert len(made.lines) == len(found)
    for line in made.lines:
        assert abs(line.entry.amount.exact * 100 - line.cents) < 1
        assert line.cents == 0 or line.entry.amount.exact > 0
    for group in (*GROUPS, "tag:team"):
        assert sum((each.amount for each in grouped(made.lines, group)), Decimal(0)) == made.total


@settings(deadline=None)
@given(st.lists(entries, max_size=20), st.randoms())
def test_the_order_in_which_usage_was_read_changes_no_cent(found: list[Entry], random: Any) -> None:
    shuffled = random.sample(found, len(found))
    assert sorted(line.cents for line in statement(found).lines) == sorted(
        line.cents for line in statement(shuffled).lines
    )


def test_months_are_utcs() -> None:
    november = read_month("", now=NOW)
    assert (str(november), november.words, november.is_over(NOW)) == ("2026-11", "November 2026", False)
    march = read_month("2026-03", now=NOW)
    assert march.end - march.start == timedelta(days=31)  # whatever clocks did in it
    assert march.is_over(march.end)
    for text in ("2026-12", "2027-01", "2026-13", "2026-00", "march", "2026-3", "٢٠٢٦-٠٣", "0000-01"):
        with pytest.raises(Invalid):
            read_month(text, now=NOW)
