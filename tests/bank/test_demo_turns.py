"""Whose turn it is in the bank's demo: those that share an account keep their order, nobody else waits."""

import asyncio
import random
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ops.demo_bank.turns import Turns, in_turn

ACCOUNTS = st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=2), max_size=40)


@given(ACCOUNTS, st.integers(1, 8), st.randoms(use_true_random=False))
def test_those_that_share_an_account_keep_their_order_and_never_meet(
    accounts: list[list[str]], at_once: int, chance: random.Random
) -> None:
    turns, under_way, last = Turns(accounts), list[int](), defaultdict[str, int](lambda: -1)
    through = 0
    while through < len(accounts):
        while len(under_way) < at_once and (number := turns.take()) is not None:
            for name in set(accounts[number]):
                assert last[name] < number, "an earlier one of the same account is still to come"
                last[name] = number
                assert all(name not in accounts[other] for other in under_way)
            under_way.append(number)
        assert under_way, "somebody's turn always comes"
        turns.done(under_way.pop(chance.randrange(len(under_way))))
        through += 1
    assert turns.take() is None


@given(ACCOUNTS)
def test_nobody_waits_but_for_an_earlier_one_of_an_own_account(accounts: list[list[str]]) -> None:
    turns = Turns(accounts)
    first = []
    while (number := turns.take()) is not None:
        first.append(number)
    heads = [
        number
        for number, names in enumerate(accounts)
        if not any(set(names) & set(earlier) for earlier in accounts[:number])
    ]
    assert sorted(first) == heads


async def test_a_number_waits_for_both_of_its_accounts() -> None:
    turns = Turns([("a", "b"), ("c", "d"), ("b", "c"), ("a", "e")])
    assert [turns.take(), turns.take(), turns.take()] == [0, 1, None]
    turns.done(1)
    assert turns.take() is None
    turns.done(0)
    assert [turns.take(), turns.take()] == [2, 3]


def test_the_longest_chain_goes_first() -> None:
    turns = Turns([("a", "b"), ("c", "d"), ("d", "e"), ("e", "f"), ("g", "h"), ("h", "i")])
    assert [turns.take(), turns.take(), turns.take()] == [1, 4, 0]


async def test_many_are_under_way_but_no_more_than_asked_for() -> None:
    under_way, most, ended = 0, 0, list[int]()

    async def work(number: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        under_way -= 1
        ended.append(number)

    await in_turn(Turns([(str(number % 50),) for number in range(200)]), work, 7)
    assert most == 7
    assert sorted(ended) == list(range(200))


async def test_the_first_error_ends_it() -> None:
    async def work(number: int) -> None:
        await asyncio.sleep(0)
        if number == 3:
            raise ValueError("three")

    with pytest.raises(ExceptionGroup) as caught:
        await in_turn(Turns([("a",)] * 10), work, 4)
    assert [str(error) for error in caught.value.exceptions] == ["three"]
