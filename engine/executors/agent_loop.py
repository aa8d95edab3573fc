"""The loop of an agent as a LangGraph graph: the model is asked, and its tools are called, until it answers.

Each reply and each tool call is a task of its own, so a checkpoint keeps every one that has ended: after a crash, or an
interrupt in one tool, neither a reply nor a tool call that came back is paid for twice.
"""

import operator
from collections.abc import Sequence
from typing import Annotated, Any, TypedDict

import msgspec
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from engine.domain.failure import Failure
from engine.domain.status import FailureKind
from engine.executors.agent_tools import AgentTools, ToolTask, refusal
from engine.executors.conversation import called_tools
from engine.executors.failures import failure_of
from engine.executors.model_caller import ModelCaller
from engine.executors.model_replies import ModelReply, ModelRequest
from engine.executors.port import BudgetReached, ChildRun, StepContext
from engine.executors.structured_output import OutputSchema, Unfit
from engine.executors.task_failure import task_failure
from engine.executors.tools import ANSWER

MODEL, TOOL = "model", "tool"
ROUND, ROUND_KIND = "round", "agent_round"

_ASK_FOR_ANSWER = f"Call the tool {ANSWER} with your answer. What you wrote cannot be taken for it: "


class Answer(TypedDict):
    value: Any


class AgentState(TypedDict, total=False):
    """`messages` is what came after the conversation that the step begins with, which is not kept: it may hold secrets.
    `answer` is there once the loop has ended.
    """

    messages: Annotated[list[BaseMessage], operator.add]
    answer: Answer


AgentGraph = CompiledStateGraph[AgentState, None, AgentState, AgentState]


class AgentLoop:
    """One run of one agent. `request` has the conversation that the step begins with."""

    def __init__(
        self,
        step: StepContext,
        caller: ModelCaller,
        request: ModelRequest,
        tools: AgentTools,
        *,
        schema: OutputSchema | None,
        max_rounds: int,
    ) -> None:
        self._step = step
        self._caller = caller
        definitions = [*tools.definitions(), *([_answer_tool(schema)] if schema else [])]
        self._request = msgspec.structs.replace(request, tools=definitions)
        self._tools = tools
        self._schema = schema
        self._max_rounds = max_rounds

    def graph(self) -> AgentGraph:
        graph = StateGraph(AgentState)
        graph.add_node(MODEL, self._ask)
        graph.add_node(TOOL, self._call, input_schema=ToolTask)
        graph.add_edge(START, MODEL)
        graph.add_conditional_edges(MODEL, self._next, [MODEL, TOOL, END])
        graph.add_edge(TOOL, MODEL)
        return graph.compile(checkpointer=self._step.checkpointer, store=self._step.store)

    async def _ask(self, state: AgentState) -> AgentState:
        said = state.get("messages", [])
        number = 1 + sum(isinstance(message, AIMessage) for message in said)
        child = self._step.child(ROUND, ROUND_KIND, {"round": number})
        request = msgspec.structs.replace(self._request, messages=[*self._request.messages, *said])
        reply = await self._asked(child, request)
        message = _with_ids(reply.message, number)
        child.succeeded({"text": str(message.text), "tool_calls": called_tools(message)})
        update = self._judged(message)
        if "answer" not in update and number >= self._max_rounds:
            raise task_failure(
                "max_rounds_reached",
                f"the agent gave no answer within {self._max_rounds} rounds",
                retryable=False,
                details={"rounds": number, "text": str(message.text), "tool_calls": called_tools(message)},
            )
        return update

    async def _asked(self, child: ChildRun, request: ModelRequest) -> ModelReply:
        try:
            return await self._caller.ask(self._step, request)
        except BudgetReached:
            child.failed(
                Failure(kind=FailureKind.BUDGET, code="budget_reached", message="the budget does not cover this round")
            )
            raise
        except Exception as error:
            child.failed(failure_of(error, child.step_id))
            raise

    def _judged(self, message: AIMessage) -> AgentState:
        """The message as it enters the conversation; with the answer if it is one, or with what is wrong with it."""
        if self._schema is not None:
            return self._judged_by_schema(message, self._schema)
        if message.tool_calls or message.invalid_tool_calls:
            return {"messages": [message, *_unreadable(message)]}
        return {"messages": [message], "answer": {"value": str(message.text)}}

    def _judged_by_schema(self, message: AIMessage, schema: OutputSchema) -> AgentState:
        answers = [call for call in message.tool_calls if call["name"] == ANSWER]
        try:
            if answers:
                return {"messages": [message], "answer": {"value": schema.unwrapped(answers[0]["args"])}}
            if not message.tool_calls and not message.invalid_tool_calls:
                return {"messages": [message], "answer": {"value": schema.value(message)}}
        except Unfit as unfit:
            refused: list[BaseMessage] = [_refused(call["id"] or "", unfit.message) for call in answers]
            return {"messages": [message, *(refused or [HumanMessage(_ASK_FOR_ANSWER + unfit.message)])]}
        return {"messages": [message, *_unreadable(message)]}

    def _next(self, state: AgentState) -> str | list[Send]:
        if "answer" in state:
            return END
        calls = _open_calls(state["messages"])
        return [Send(TOOL, call) for call in calls] if calls else MODEL

    async def _call(self, state: ToolTask) -> AgentState:
        return {"messages": [await self._tools.call(state)]}


def _open_calls(messages: Sequence[BaseMessage]) -> list[ToolTask]:
    """The calls of the last reply that have no result yet."""
    position = max(index for index, message in enumerate(messages) if isinstance(message, AIMessage))
    returned = {message.tool_call_id for message in messages[position:] if isinstance(message, ToolMessage)}
    reply = messages[position]
    calls = reply.tool_calls if isinstance(reply, AIMessage) else []
    return [
        ToolTask(id=call["id"] or "", name=call["name"], arguments=call["args"])
        for call in calls
        if call["id"] not in returned
    ]


def _with_ids(message: AIMessage, number: int) -> AIMessage:
    """Some providers give calls no id; results are told apart by it."""
    calls = [{**call, "id": call["id"] or f"call_{number}_{index}"} for index, call in enumerate(message.tool_calls, 1)]
    invalid = [
        {**call, "id": call["id"] or f"call_{number}_x{index}"}
        for index, call in enumerate(message.invalid_tool_calls, 1)
    ]
    return message.model_copy(update={"tool_calls": calls, "invalid_tool_calls": invalid})


def _unreadable(message: AIMessage) -> list[BaseMessage]:
    """Answers to the calls whose arguments are no JSON."""
    return [
        refusal(
            ToolTask(id=call["id"] or "", name=call["name"] or "", arguments={}),
            task_failure("bad_arguments", "the arguments are not a JSON object", retryable=False).failure,
        )
        for call in message.invalid_tool_calls
    ]


def _refused(call_id: str, problem: str) -> ToolMessage:
    failure = task_failure("output_schema_violation", problem).failure
    return refusal(ToolTask(id=call_id, name=ANSWER, arguments={}), failure)


def _answer_tool(schema: OutputSchema) -> dict[str, Any]:
    said = {
        "name": ANSWER,
        "description": "Gives the final answer and ends the work.",
        "parameters": schema.object_schema,
    }
    return {"type": "function", "function": said}
