"""Groups: nested membership, followed to its end in both directions."""

from dataclasses import dataclass, replace

from local.directory.errors import not_found


@dataclass(frozen=True, slots=True)
class Group:
    """A security group; `members` are object ids of people and of groups, `owners` of people."""

    group_id: str
    display_name: str
    members: frozenset[str] = frozenset()
    assignable_to_role: bool = False
    owners: frozenset[str] = frozenset()


class Groups:
    """All groups of the tenant."""

    def __init__(self) -> None:
        self.by_id: dict[str, Group] = {}

    def add(self, group: Group) -> Group:
        """Put a group into the tenant (or in the place of the one with its id)."""
        self.by_id[group.group_id] = group
        return group

    def get(self, group_id: str) -> Group:
        """Return a group; raises Refused (404)."""
        group = self.by_id.get(group_id)
        if group is None:
            raise not_found(group_id)
        return group

    def join(self, group_id: str, member_id: str) -> None:
        """Make a person or a group a direct member."""
        group = self.get(group_id)
        self.by_id[group_id] = replace(group, members=group.members | {member_id})

    def leave(self, group_id: str, member_id: str) -> None:
        """End a direct membership."""
        group = self.get(group_id)
        self.by_id[group_id] = replace(group, members=group.members - {member_id})

    def own(self, group_id: str, owner_id: str) -> None:
        """Make a person an owner."""
        group = self.get(group_id)
        self.by_id[group_id] = replace(group, owners=group.owners | {owner_id})

    def owned_by(self, owner_id: str) -> tuple[Group, ...]:
        """Return every group that this person owns."""
        return tuple(group for group in self.by_id.values() if owner_id in group.owners)

    def of(self, member_id: str) -> tuple[Group, ...]:
        """Return every group that holds this person or group, directly or through other groups."""
        found: dict[str, Group] = {}
        pending = [member_id]
        while pending:
            inner = pending.pop()
            for group in self.by_id.values():
                if inner in group.members and group.group_id not in found:
                    found[group.group_id] = group
                    pending.append(group.group_id)
        return tuple(found.values())

    def members(self, group_id: str) -> frozenset[str]:
        """Return the ids of all people and groups inside, at any depth; raises Refused (404)."""
        found: set[str] = set()
        pending = [self.get(group_id).group_id]
        while pending:
            for member in self.by_id[pending.pop()].members - found:
                found.add(member)
                if member in self.by_id:
                    pending.append(member)
        return frozenset(found)
