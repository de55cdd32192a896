"""The sandbox payment provider: deterministic by token, exact under repetition, restarts and several processes."""

import asyncio
from pathlib import Path

import pytest

from command_service.adapters.sandbox_payments import SandboxPayments
from command_service.decider import Retry
from command_service.domains.shop.payment_port import Approved, Declined
from tests.shop.messages import eur


async def held(provider: SandboxPayments, order_id: str = "o", token: str = "tok_ok") -> Approved:
    answer = await provider.authorize(order_id, token, eur(100), f"{order_id}/authorize")
    assert isinstance(answer, Approved)
    return answer


async def test_what_is_held_is_captured_and_paid_back_within_its_bounds() -> None:
    provider = SandboxPayments()
    reference = (await held(provider)).reference
    assert await provider.capture("o", reference, eur(101), "c1") == Declined("So much is not held")
    assert isinstance(await provider.capture("o", reference, eur(100), "c2"), Approved)
    assert await provider.capture("o", reference, eur(1), "c3") == Declined("So much is not held")
    assert isinstance(await provider.refund("o", reference, eur(60), "r1"), Approved)
    assert await provider.refund("o", reference, eur(60), "r2") == Declined("So much was not collected")
    (account,) = provider.accounts()
    assert (account.authorized, account.captured, account.refunded, account.held) == (100, 100, 60, 0)


async def test_the_same_key_has_one_effect_and_one_answer() -> None:
    provider = SandboxPayments()
    reference = (await held(provider)).reference
    assert await held(provider) == Approved(reference)
    for _ in range(3):
        await provider.capture("o", reference, eur(100), "c")
        await provider.refund("o", reference, eur(30), "r")
    (account,) = provider.accounts()
    assert (account.captured, account.refunded) == (100, 30)


@pytest.mark.parametrize("token", ["tok_declined", "tok_unknown"])
async def test_other_tokens_are_declined_and_nothing_is_held(token: str) -> None:
    provider = SandboxPayments()
    assert isinstance(await provider.authorize("o", token, eur(1), "k"), Declined)
    assert provider.accounts() == ()


async def test_a_voided_payment_is_let_go_and_what_comes_later_is_declined() -> None:
    provider = SandboxPayments()
    reference = (await held(provider)).reference
    assert isinstance(await provider.void("o", "v"), Approved)
    assert isinstance(await provider.capture("o", reference, eur(1), "c"), Declined)
    assert isinstance(await provider.void("late", "v2"), Approved)
    assert await provider.authorize("late", "tok_ok", eur(1), "k") == Declined("The payment was called off")
    assert [account.held for account in provider.accounts()] == [0]


async def test_a_payment_that_times_out_is_held_all_the_same_until_it_is_voided() -> None:
    provider = SandboxPayments(timeout_seconds=0)
    for _ in range(3):
        with pytest.raises(Retry):
            await provider.authorize("o", "tok_timeout", eur(1), "k")
    assert [account.held for account in provider.accounts()] == [1]
    await provider.void("o", "v")
    assert [account.held for account in provider.accounts()] == [0]


async def test_a_flaky_provider_fails_twice_for_each_key_also_over_a_restart(tmp_path: Path) -> None:
    path = str(tmp_path / "payments.sqlite")
    for attempt in (1, 2):
        provider = SandboxPayments(path)
        with pytest.raises(Retry, match=f"for the {attempt}. time"):
            await provider.authorize("o", "tok_flaky", eur(100), "o/authorize")
        provider.close()
    first, second = SandboxPayments(path), SandboxPayments(path)
    answer = await held(first, token="tok_flaky")
    for provider in (first, second):
        with pytest.raises(Retry):
            await provider.capture("o", answer.reference, eur(100), "c")
    assert isinstance(await second.capture("o", answer.reference, eur(100), "c"), Approved)
    assert first.accounts() == second.accounts()


async def test_two_workers_on_one_file_lose_and_double_nothing(tmp_path: Path) -> None:
    workers = [SandboxPayments(str(tmp_path / "payments.sqlite")) for _ in range(2)]
    await asyncio.gather(*(held(worker, f"o{number}") for worker in workers for number in range(20)))
    assert [account.order_id for account in workers[0].accounts()] == sorted(f"o{number}" for number in range(20))
