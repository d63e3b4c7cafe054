"""What a person says of a proposal."""

from typing import ClassVar

from schemas.event import Event
from schemas.quantities import Id, Name, Text


class ProposalReviewed(Event, frozen=True, kw_only=True):
    """A person approves or rejects a proposal that the gate has validated."""

    type: ClassVar[str] = "proposal.reviewed"

    proposal_id: Id
    approved: bool
    by: Name
    reason: Text
