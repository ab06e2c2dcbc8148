"""The options that `convert` and `verify` share, in one argument."""

from __future__ import annotations

from functools import wraps
from inspect import Signature, signature
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_type_hints

from .options import (
    Archives,
    Ignore,
    JsonLines,
    Scheduler,
    StorageOption,
    Workers,
    read_storage_options,
)
from .terminal import show_progress

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..bulk.outcomes import Outcomes

OutcomesT = TypeVar("OutcomesT", bound="Outcomes[Any]")
_SHARED = "shared"  # the argument of a command


class BulkOptions(NamedTuple):
    """The options, as they are given."""

    json: JsonLines = False
    workers: Workers = None
    client: Scheduler = None
    ignore: Ignore = None
    archives: Archives = False
    storage_option: StorageOption = None

    def run(self, work: Callable[..., OutcomesT], words: str, source: str, **own: Any) -> OutcomesT:
        """Do the work of a command with these options and its own; with ``--json`` outcomes are printed as they come.

        Parameters
        ----------
        work : callable
            `convert` or `verify` of the package.
        words : str
            What is being done.
        source : str
            What is worked on.
        **own
            The options of the command itself.
        """
        from ..bulk.cluster import connect
        from .printing import print_as_json, print_outcome_as_json

        with connect(self.client) as connected, show_progress(words) as progress:
            done = work(
                source,
                workers=self.workers,
                client=connected,
                ignore=self.ignore or (),
                archives=self.archives,
                storage_options=read_storage_options(self.storage_option),
                progress=progress,
                on_outcome=print_outcome_as_json if self.json else None,
                **own,
            )
        for path in done.damaged if self.json else ():
            print_as_json({"status": "damaged", "path": path})
        return done


def share_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of `BulkOptions`, which it gets as its argument `shared`."""
    hints = {
        **get_type_hints(command, include_extras=True),
        **get_type_hints(BulkOptions, include_extras=True),
    }
    own = [p.replace(annotation=hints[p.name]) for p in signature(command).parameters.values() if p.name != _SHARED]
    added = [p.replace(annotation=hints[p.name]) for p in signature(BulkOptions).parameters.values()]

    @wraps(command)
    def call(**given: Any) -> None:
        shared = BulkOptions(**{name: given.pop(name) for name in BulkOptions._fields})
        command(**given, shared=shared)

    call.__signature__ = Signature([*own, *added])  # type: ignore[attr-defined] # what Typer asks
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *added)}
    return call
