"""The budget of one execution, kept by whoever drives it: model calls are reserved before they are made."""

from engine.domain.failure import Budget, Usage
from engine.executors.port import BudgetReached


class BudgetMeter:
    """`spent` is everything that was settled, recorded or about to be; reservations are what calls under way may still use."""

    def __init__(self, spent: Usage) -> None:
        self._spent = spent
        self._reserved: dict[object, Usage] = {}

    def reserve(self, call: object, budget: Budget | None, *, prompt_tokens: int, max_tokens: int | None) -> int | None:
        """How many tokens the call may generate at the most; None is without limit. Raises `BudgetReached`."""
        if budget is None:
            self._reserved[call] = Usage(model_calls=1)
            return max_tokens
        committed = self._committed()
        if budget.max_model_calls is not None and committed.model_calls >= budget.max_model_calls:
            raise BudgetReached
        if budget.max_cost_usd is not None and committed.cost_usd >= budget.max_cost_usd:
            raise BudgetReached
        if budget.max_tokens is not None:
            left = budget.max_tokens - committed.tokens - prompt_tokens
            if left <= 0:
                raise BudgetReached
            max_tokens = left if max_tokens is None else min(left, max_tokens)
        self._reserved[call] = Usage(input_tokens=prompt_tokens, output_tokens=max_tokens or 0, model_calls=1)
        return max_tokens

    def settle(self, call: object, usage: Usage) -> None:
        self._reserved.pop(call, None)
        self._spent = self._spent + usage

    def release(self, call: object) -> None:
        self._reserved.pop(call, None)

    def _committed(self) -> Usage:
        total = self._spent
        for reserved in self._reserved.values():
            total = total + reserved
        return total
