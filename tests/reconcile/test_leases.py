from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from endpoints.models import Lease
from endpoints.reconcile.leases import lease

pytestmark = pytest.mark.django_db


def test_one_holder_at_a_time() -> None:
    with lease("thing") as held, lease("thing") as second, lease("other") as other:
        assert held is not None
        assert second is None
        assert other is not None
    with lease("thing") as again:
        assert again is not None


def test_given_back_when_the_work_raises() -> None:
    with pytest.raises(ZeroDivisionError), lease("thing"):
        raise ZeroDivisionError
    with lease("thing") as held:
        assert held is not None


def test_one_that_ran_out_is_anybodys_and_guards_no_write_any_more() -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False), lease("thing", seconds=30) as first:
        assert first is not None
        with time_machine.travel(start + timedelta(seconds=29), tick=False), lease("thing") as early:
            assert early is None
        with time_machine.travel(start + timedelta(seconds=31), tick=False), lease("thing") as second:
            assert second is not None
            assert not first.keep()
            first.give_back()
            assert second.keep()


def test_keeping_makes_it_longer() -> None:
    start = timezone.now()
    with time_machine.travel(start, tick=False), lease("thing", seconds=30) as held:
        assert held is not None
        with time_machine.travel(start + timedelta(seconds=20), tick=False):
            assert held.keep()
        with time_machine.travel(start + timedelta(seconds=40), tick=False), lease("thing") as second:
            assert second is None


def test_free_by_any_clock() -> None:
    with time_machine.travel(timezone.now() + timedelta(hours=1)), lease("thing"):
        pass
    with lease("thing") as held:
        assert held is not None


def test_the_follow_up_is_noted_as_it_is_given_back() -> None:
    with lease("thing") as held:
        assert held is not None
        held.give_back(chain="next")
    assert Lease.objects.get().chain == "next"
    with lease("thing"):
        pass
    assert Lease.objects.get().chain == "next"
