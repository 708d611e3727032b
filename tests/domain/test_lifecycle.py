"""Every pair of state and move: what is not in this table is a Conflict."""

import pytest

from endpoints.domain.errors import Conflict
from endpoints.domain.lifecycle import Move, after, is_moving
from endpoints.enums import ProvisioningState as S

LEADS_TO = {
    (S.CREATING, Move.DELETE): S.DELETING,
    (S.CREATING, Move.SUCCEED): S.SUCCEEDED,
    (S.CREATING, Move.FAIL): S.FAILED,
    (S.CREATING, Move.CANCEL): S.CANCELED,
    (S.UPDATING, Move.DELETE): S.DELETING,
    (S.UPDATING, Move.SUCCEED): S.SUCCEEDED,
    (S.UPDATING, Move.FAIL): S.FAILED,
    (S.UPDATING, Move.CANCEL): S.CANCELED,
    (S.SCALING, Move.DELETE): S.DELETING,
    (S.SCALING, Move.SUCCEED): S.SUCCEEDED,
    (S.SCALING, Move.FAIL): S.FAILED,
    (S.SCALING, Move.CANCEL): S.CANCELED,
    (S.SUCCEEDED, Move.UPDATE): S.UPDATING,
    (S.SUCCEEDED, Move.SCALE): S.SCALING,
    (S.SUCCEEDED, Move.DELETE): S.DELETING,
    (S.FAILED, Move.UPDATE): S.UPDATING,
    (S.FAILED, Move.DELETE): S.DELETING,
    (S.CANCELED, Move.UPDATE): S.UPDATING,
    (S.CANCELED, Move.DELETE): S.DELETING,
}


@pytest.mark.parametrize("state", S)
@pytest.mark.parametrize("move", Move)
def test_every_pair(state: S, move: Move) -> None:
    target = LEADS_TO.get((state, move))
    if target is not None:
        assert after(state, move) == target
        return
    with pytest.raises(Conflict, match=f"blue is {state}; it cannot {move.value} now"):
        after(state, move, subject="blue")


def test_nothing_leads_out_of_deleting() -> None:
    assert not any(state == S.DELETING for state, _ in LEADS_TO)


@pytest.mark.parametrize(
    ("state", "moving"),
    [
        (S.CREATING, True),
        (S.UPDATING, True),
        (S.SCALING, True),
        (S.DELETING, True),
        (S.SUCCEEDED, False),
        (S.FAILED, False),
        (S.CANCELED, False),
    ],
)
def test_what_moves(state: S, moving: bool) -> None:
    assert is_moving(state) is moving
