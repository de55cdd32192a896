"""Step 9: pages as AIP-158 has them: sizes with a default and a cap, and opaque tokens bound to their list."""

import base64
import binascii
import hashlib
from typing import Any

from cqrs.common.v1.errors_pb2 import PLATFORM_ERROR_PAGE_TOKEN_INVALID

from query_service.answer import Page
from query_service.read_store import Slice
from runtime.call import refuse

DEFAULT_SIZE = 20
LARGEST_SIZE = 100

_PLACE_BYTES = 8
_SEAL_BYTES = 8


def slice_of(rpc: str, page: Page, request: Any) -> Slice:
    """The stretch of the index that a list request asks for; raises PAGE_TOKEN_INVALID."""
    return Slice(
        projection=page.projection,
        index=page.index,
        before=_opened(rpc, page, request.page_token) if request.page_token else None,
        skip=request.skip,
        size=min(request.page_size or DEFAULT_SIZE, LARGEST_SIZE),
        low=page.low,
        high=page.high,
    )


def token_of(rpc: str, page: Page, before: int | None) -> str:
    """The token of the page that goes on below the score `before`; empty at the end of the list."""
    if before is None:
        return ""
    place = before.to_bytes(_PLACE_BYTES, "big", signed=True)
    return base64.urlsafe_b64encode(place + _seal(rpc, page, place)).decode().rstrip("=")


def _opened(rpc: str, page: Page, token: str) -> int:
    try:
        plain = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        plain = b""
    place = plain[:_PLACE_BYTES]
    if len(place) < _PLACE_BYTES or plain[_PLACE_BYTES:] != _seal(rpc, page, place):
        raise refuse(
            PLATFORM_ERROR_PAGE_TOKEN_INVALID,
            "The page token is not one that this list gave with these parameters: begin at the first page",
            field="page_token",
        )
    return int.from_bytes(place, "big", signed=True)


def _seal(rpc: str, page: Page, place: bytes) -> bytes:
    """Binds a place to its list: no secret, but a token of another list or a mistyped one does not pass by chance."""
    bounds = () if page.low is None and page.high is None else (f"{page.low} to {page.high}",)
    bound = "\0".join((rpc, page.projection, page.index, *bounds)).encode() + b"\0newest first\0" + place
    return hashlib.blake2b(bound, digest_size=_SEAL_BYTES).digest()
