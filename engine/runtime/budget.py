"""The budget of one execution, kept by whoever drives it: model calls are reserved before they are made."""

from engine.domain.failure import Budget, Failure, Usage
from engine.domain.status import FailureKind
from engine.executors.port import BudgetReached, StepFailure
from engine.executors.prices import Prices


class BudgetMeter:
    """`spent` is everything that was settled, recorded or about to be; reservations are what calls under way may still use."""

    def __init__(self, spent: Usage, prices: Prices) -> None:
        self._spent = spent
        self._prices = prices
        self._reserved: dict[object, Usage] = {}

    def reserve(
        self, call: object, budget: Budget | None, model: str, *, prompt_tokens: int, max_tokens: int | None
    ) -> int | None:
        """How many tokens the call may generate at the most; None is without limit.

        Raises `BudgetReached`, and `StepFailure` where a budget in money meets a model without a price.
        """
        if budget is not None:
            max_tokens = self._allowed(budget, model, prompt_tokens, max_tokens)
        reserved = Usage(input_tokens=prompt_tokens, output_tokens=max_tokens or 0, model_calls=1)
        cost = self._prices.cost(model, reserved) or 0.0
        self._reserved[call] = Usage(
            input_tokens=prompt_tokens, output_tokens=max_tokens or 0, cost_usd=cost, model_calls=1
        )
        return max_tokens

    def settle(self, call: object, usage: Usage) -> None:
        """What a call used in the end."""
        self._reserved.pop(call, None)
        self._spent = self._spent + usage

    def _allowed(self, budget: Budget, model: str, prompt_tokens: int, max_tokens: int | None) -> int | None:
        committed = self._committed()
        most = [max_tokens]
        if budget.max_model_calls is not None and committed.model_calls >= budget.max_model_calls:
            raise BudgetReached
        if budget.max_tokens is not None:
            most.append(budget.max_tokens - committed.tokens - prompt_tokens)
        if budget.max_cost_usd is not None:
            left = budget.max_cost_usd - committed.cost_usd
            if self._prices.price(model) is None:
                raise StepFailure(_no_price(model))
            if left <= 0:
                raise BudgetReached
            most.append(self._prices.affordable_tokens(model, left, prompt_tokens=prompt_tokens))
        limits = [limit for limit in most if limit is not None]
        allowed = min(limits) if limits else None
        if allowed is not None and allowed <= 0:
            raise BudgetReached
        return allowed

    def _committed(self) -> Usage:
        total = self._spent
        for reserved in self._reserved.values():
            total = total + reserved
        return total


def _no_price(model: str) -> Failure:
    message = f"the budget is in US dollars, and there is no price for {model}: add it to the file of WEFT_PRICES"
    return Failure(kind=FailureKind.TASK, code="model_price_unknown", message=message, retryable=False)
