"""The projections of this product, in a visible list."""

from collections.abc import Iterable

from projector.domains import bank, platform, shop
from projector.projection import Projection

PROJECTIONS: tuple[Projection, ...] = (*shop.PROJECTIONS, *bank.PROJECTIONS, *platform.PROJECTIONS)


class DuplicateProjection(Exception):
    """Two projections have one name, so they would write each other's views."""

    def __init__(self, one: Projection, other: Projection) -> None:
        def where(projection: Projection) -> str:
            return f"{projection.apply.__module__}.{projection.apply.__qualname__}"

        super().__init__(
            f"The projection {one.name!r} is listed twice, with {where(one)} and with {where(other)}: give one of them"
            " another name, or take it off the list in projector/projections.py."
        )


def checked(projections: Iterable[Projection]) -> tuple[Projection, ...]:
    """The projections, each name once; raises DuplicateProjection naming both."""
    by_name: dict[str, Projection] = {}
    for projection in projections:
        if projection.name in by_name:
            raise DuplicateProjection(by_name[projection.name], projection)
        by_name[projection.name] = projection
    return tuple(by_name.values())
