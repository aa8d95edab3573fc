"""Compiled plans of workflow versions. Versions never change, so a plan is compiled once and kept."""

from collections import OrderedDict

from engine.domain.errors import NotFound
from engine.domain.kinds import Kinds
from engine.domain.plan import Plan, compile_plan
from engine.storage.repositories.workflows import WorkflowRepository

_KEPT = 512


class Plans:
    def __init__(self, workflows: WorkflowRepository, kinds: Kinds) -> None:
        self._workflows = workflows
        self._kinds = kinds
        self._plans: OrderedDict[tuple[str, str, int], Plan] = OrderedDict()

    async def get(self, tenant: str, workflow_id: str, version: int) -> Plan:
        """Raises `NotFound`."""
        key = (tenant, workflow_id, version)
        plan = self._plans.get(key)
        if plan is not None:
            self._plans.move_to_end(key)
            return plan
        found = await self._workflows.version(tenant, workflow_id, version)
        if found is None:
            raise NotFound(f"there is no version {version} of workflow {workflow_id!r}", path=("version",))
        plan = self._plans[key] = compile_plan(found.definition, self._kinds)
        if len(self._plans) > _KEPT:
            self._plans.popitem(last=False)
        return plan
