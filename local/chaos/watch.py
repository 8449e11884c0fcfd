"""Who watches during the run: every pass that is made, and every message that comes again."""

from collections import Counter
from typing import Any

from local.bus.message import Received
from local.desk import Desk
from local.directory.passes import Pass, Reason

_LIVE = frozenset({Reason.ENABLED, Reason.NOT_YET})


class Watch:
    """Sees what passes through the models. `most_live` is the most live passes that anybody had at one time."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._create = desk.directory.create_pass
        self._receive = desk.bus.receive
        self.most_live = 0
        self.made = 0
        self.redelivered: Counter[str] = Counter()
        desk.directory.create_pass = self._made  # type: ignore[method-assign]  # the model's own, watched
        desk.bus.receive = self._received  # type: ignore[method-assign]  # as above

    def _made(self, key: str, **wanted: Any) -> Pass:
        before = self._desk.directory.passes.of(self._desk.directory.person(key).object_id)
        was_live = before is not None and self._desk.directory.usability(before) in _LIVE
        made = self._create(key, **wanted)
        self.made += 1
        self.most_live = max(self.most_live, 1 + was_live)
        return made

    def _received(self, entity: str, **how: Any) -> Received | None:
        found = self._receive(entity, **how)
        if found is not None and found.delivery_count:
            self.redelivered[entity.partition("/")[0]] += 1
        return found
