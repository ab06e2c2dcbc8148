"""A list of outcomes, one for each stack or series of an archive."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Iterator


class Outcome(Protocol):
    """What every outcome says."""

    @property
    def title(self) -> str:
        """What it was: number, modality, description and label."""

    @property
    def status(self) -> str:
        """What became of it, in a word."""

    @property
    def reason(self) -> str | None:
        """Why it is not what it should be."""


OutcomeT = TypeVar("OutcomeT", bound=Outcome)


@dataclass(frozen=True, eq=False, slots=True, repr=False)
class Outcomes(Sequence[OutcomeT]):
    """Outcomes in the order of the scan, and the damaged files that belong to no series."""

    where: str
    outcomes: tuple[OutcomeT, ...]
    damaged: tuple[str, ...] = ()
    _GOOD: ClassVar[tuple[str, ...]] = ()  # the statuses of what is as it should be

    @overload
    def __getitem__(self, index: int) -> OutcomeT: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[OutcomeT, ...]: ...
    def __getitem__(self, index: int | slice) -> OutcomeT | tuple[OutcomeT, ...]:
        return self.outcomes[index]

    def __len__(self) -> int:
        return len(self.outcomes)

    def __iter__(self) -> Iterator[OutcomeT]:
        return iter(self.outcomes)

    @property
    def whole(self) -> bool:
        """True where all is as it should be, and no damaged file is left over."""
        return not self.damaged and all(outcome.status in self._GOOD for outcome in self)

    def count(self, status: object) -> int:
        """Count the outcomes of a status."""
        return sum(outcome.status == status for outcome in self)

    def __repr__(self) -> str:
        counts = Counter(outcome.status for outcome in self)
        lines = [f"{self.where}: {', '.join(f'{n} {status}' for status, n in counts.items()) or 'nothing found'}"]
        bad = (outcome for outcome in self if outcome.status not in self._GOOD)
        lines += [f"{outcome.status}: {outcome.title}: {outcome.reason}" for outcome in bad]
        lines += [f"damaged, of no series: {path}" for path in self.damaged]
        return "\n".join(lines)
