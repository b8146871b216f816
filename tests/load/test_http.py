"""An answer is read as it is, however the wire cuts it; a request says its length and asks for no second one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packager.errors import BenchmarkError
from packager.load.http import Address, Answer, read_answer

ANSWER = b"HTTP/1.1 200 OK\r\nServer: gunicorn\r\nCONTENT-length:  11\r\nConnection: close\r\n\r\nhello world"


@given(st.integers(0, len(ANSWER)))
def test_an_answer_is_whole_at_its_last_byte_and_not_before(end: int) -> None:
    expected = Answer(200, 11) if end == len(ANSWER) else None
    assert read_answer(bytearray(ANSWER[:end]), ended=False) == expected
    assert read_answer(bytearray(ANSWER[:end]), ended=True) == expected


def test_without_a_length_the_end_of_the_connection_counts() -> None:
    answer = bytearray(b"HTTP/1.0 503 Busy\r\n\r\nno")
    assert read_answer(answer, ended=False) is None
    assert read_answer(answer, ended=True) == Answer(503, 2)


def test_a_length_in_the_body_is_no_length() -> None:
    answer = bytearray(b"HTTP/1.1 200 OK\r\n\r\n\r\nContent-Length: 999")
    assert read_answer(answer, ended=True) == Answer(200, 21)


@given(st.binary(max_size=80))
def test_what_is_no_http_is_no_answer(noise: bytes) -> None:
    assert read_answer(bytearray(b"x" + noise), ended=True) is None


def test_a_request_is_one_post_with_its_length() -> None:
    request = Address.of("http://127.0.0.1:5001/score").request(b'{"a": 1}')
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.splitlines()[0] == b"POST /score HTTP/1.1"
    assert b"Content-Length: 8" in head.splitlines()
    assert b"Connection: close" in head.splitlines()
    assert body == b'{"a": 1}'


@pytest.mark.parametrize("url", ["https://127.0.0.1/score", "127.0.0.1:5001", "http:///score"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(BenchmarkError, match="can't be loaded"):
        Address.of(url)
