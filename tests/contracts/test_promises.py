"""docs/promises.md says what the tests' marks say, and every promise owed so far has a test."""

from tests.promises import PAGE, page


def test_the_page_of_promises_is_what_the_marks_say() -> None:
    assert PAGE.read_text() == page(), "make promises"
