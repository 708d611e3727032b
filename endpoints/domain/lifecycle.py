"""The only ways in which an endpoint or a deployment changes its state."""

from enum import Enum

from endpoints.domain.errors import Conflict
from endpoints.enums import ProvisioningState as S


class Move(Enum):
    UPDATE = "update"
    SCALE = "scale"
    DELETE = "delete"
    SUCCEED = "succeed"
    FAIL = "fail"
    CANCEL = "cancel"


_AT_REST = (S.SUCCEEDED, S.FAILED, S.CANCELED)
_MOVING = (S.CREATING, S.UPDATING, S.SCALING)

TABLE: dict[tuple[S, Move], S] = {
    **{(state, Move.UPDATE): S.UPDATING for state in _AT_REST},
    (S.SUCCEEDED, Move.SCALE): S.SCALING,
    **{(state, Move.DELETE): S.DELETING for state in (*_AT_REST, *_MOVING)},
    **{(state, Move.SUCCEED): S.SUCCEEDED for state in _MOVING},
    **{(state, Move.FAIL): S.FAILED for state in _MOVING},
    **{(state, Move.CANCEL): S.CANCELED for state in _MOVING},
}


def after(state: str, move: Move, *, subject: str = "It") -> S:
    """The state that the move leads to; Conflict where it leads nowhere."""
    target = TABLE.get((S(state), move))
    if target is None:
        raise Conflict(f"{subject} is {state}; it cannot {move.value} now. Wait until it is done, or cancel it.")
    return target


def is_moving(state: str) -> bool:
    return state in (*_MOVING, S.DELETING)
