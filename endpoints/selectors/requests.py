"""Test calls and saved requests, as one person may see them."""

from uuid import UUID

from django.db.models import Q, QuerySet

from endpoints.domain.errors import NotFound
from endpoints.models import Endpoint, SavedRequest, TestCall, User
from endpoints.permissions import Action, actions_in


def test_calls_of(user: User, endpoint: Endpoint) -> QuerySet[TestCall]:
    return TestCall.objects.filter(user=user, endpoint=endpoint)


def test_call_for(user: User, endpoint: Endpoint, call_id: int) -> TestCall:
    call = test_calls_of(user, endpoint).filter(pk=call_id).first()
    if call is None:
        raise NotFound("This test call is not in your history any more.")
    return call


def shared_call_for(user: User, endpoint: Endpoint, share: UUID) -> TestCall:
    """Whoever may read the endpoint or score may see that there was a call; what was in it is for who may score."""
    call = TestCall.objects.filter(endpoint=endpoint, share=share).select_related("user").first()
    if call is None or not _sees(user, endpoint):
        raise NotFound("There is no such call, or its link was taken back.")
    return call


def saved_requests_for(user: User, endpoint: Endpoint) -> QuerySet[SavedRequest]:
    """One's own and those that others share."""
    if not _sees(user, endpoint):
        return SavedRequest.objects.none()
    found = SavedRequest.objects.filter(Q(user=user) | Q(shared=True), endpoint=endpoint)
    return found.select_related("user")


def saved_request_for(user: User, endpoint: Endpoint, saved_id: UUID) -> SavedRequest:
    saved = saved_requests_for(user, endpoint).filter(pk=saved_id).first()
    if saved is None:
        raise NotFound("There is no such saved request, or it is not shared any more.")
    return saved


def _sees(user: User, endpoint: Endpoint) -> bool:
    return bool({Action.READ, Action.SCORE} & actions_in(user, endpoint))
