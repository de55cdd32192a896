"""Header blocks as RFC 7541 writes them."""

import pytest

from bench.hpack import HeaderError, grpc_status, read_fields, request_block


def _literal(name: bytes, value: bytes) -> bytes:
    return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value


def test_a_request_block_reads_back_as_what_it_says() -> None:
    fields = read_fields(request_block("127.0.0.1:50051", "/a.B/C", {"traceparent": "x" * 300}))
    assert fields == {
        "static-4": b"/a.B/C",
        "static-1": b"127.0.0.1:50051",
        "te": b"trailers",
        "content-type": b"application/grpc",
        "traceparent": b"x" * 300,
    }


@pytest.mark.parametrize("code", [0, 5, 16])
def test_the_status_is_found_among_other_trailers(code: int) -> None:
    block = (
        _literal(b"obverse-message-id", b"0190") + _literal(b"grpc-status", str(code).encode()) + _literal(b"a", b"b")
    )
    assert grpc_status(block) == code
    assert read_fields(b"\x20\x88" + block)["grpc-status"] == str(code).encode()


def test_a_block_without_a_status_has_none() -> None:
    assert grpc_status(_literal(b"content-type", b"application/grpc")) is None


@pytest.mark.parametrize("broken", [b"\x00\x05abc", b"\x0f", b"\x00\x7f\xff"])
def test_a_block_that_ends_too_soon_is_an_error(broken: bytes) -> None:
    with pytest.raises(HeaderError):
        read_fields(broken)
