"""Why the marketplace refuses a deed, grouped by what the caller can do about it."""


class NotFound(Exception):
    """There is nothing with this id for this person; what is somebody else's looks the same."""


class JobNotFound(NotFound):
    """There is no such job for this person."""


class OfferNotFound(NotFound):
    """There is no such offer for this person."""


class ContractorNotFound(NotFound):
    """There is no active contractor with this id."""


class MovedOn(Exception):
    """It is in another ``state`` than this deed needs, and will not come back: read it again."""

    def __init__(self, state: str) -> None:
        super().__init__(f"it is {state}")
        self.state = state


class JobNotOpen(MovedOn):
    """No offer of this job can be sent or accepted, and it cannot be closed."""


class JobNotAssigned(MovedOn):
    """Nobody works on this job, so it cannot be completed."""


class OfferNotOpen(MovedOn):
    """The offer was accepted, declined or withdrawn before."""


class OfferExpired(MovedOn):
    """The time to answer the offer is over, or another one for the job was accepted."""


class OfferNotAccepted(MovedOn):
    """Only an accepted offer can be paid out."""
