"""What tells one channel of the Send API from the other, in one value. No IO."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from patchbay.channel import Capabilities, MediaRule
from patchbay.model.contact import IdentityKind
from patchbay_meta.graph import GraphErrors
from patchbay_meta.messaging.split import Measure


@dataclass(frozen=True)
class Dialect:
    """``kind`` is what people are known by. ``measure`` counts a text in ``unit``, for ``text_limit`` is in it.

    ``metadata`` says that a message may carry a note that its echo gives back. ``own_errors`` is the table for what is
    asked about the account itself. ``reactions_open_window`` and ``visits_open_window`` say whether a reaction, and
    coming back by a link or opting in, open the reply window. ``reaction_names`` are emoji that go by a name.
    """

    name: str
    kind: IdentityKind
    capabilities: Capabilities
    text_limit: int
    measure: Measure
    unit: str
    errors: GraphErrors
    own_errors: GraphErrors
    profile_fields: str
    metadata: bool
    reactions_open_window: bool
    visits_open_window: bool
    reaction_names: Mapping[str, str] = field(default_factory=dict)

    def rule(self, kind: str) -> MediaRule:
        """What files of this kind may be."""
        return self.capabilities.media[kind]
