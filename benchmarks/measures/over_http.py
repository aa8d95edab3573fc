"""The same three steps over HTTP and GraphQL, with `weft serve` and the client in processes of their own, against the same baseline
in process.
"""

from statistics import median

from benchmarks.measures.durable_steps import BASELINE, WARM_UP
from benchmarks.results import Goal, Row, ratio
from benchmarks.scale import Scale
from benchmarks.server import serving
from benchmarks.side import side


async def measure(scale: Scale) -> list[Row]:
    ours, theirs, cpu = [], [], []
    many = {"count": scale.executions, "in_flight": scale.in_flight}
    async with (
        serving() as server,
        side("client", server.host, str(server.port)) as client,
        side("langgraph") as baseline,
    ):
        await server.settle()
        for each in (client, baseline):
            await each.ask("many", count=WARM_UP, in_flight=scale.in_flight)
        for _ in range(scale.rounds):
            before = server.cpu_seconds
            ours.append((await client.ask("many", **many))["seconds"] / scale.executions)
            cpu.append((server.cpu_seconds - before) / scale.executions)
            theirs.append((await baseline.ask("many", **many))["seconds"] / scale.executions)
        alone = [(await client.ask("single", count=scale.alone))["seconds"] for _ in range(scale.rounds)]
    return [
        Row(
            what=f"3 durable steps over HTTP and GraphQL, {scale.in_flight} in flight",
            ours=f"{1 / median(ours):.0f}/s",
            against=f"{BASELINE}, in process",
            theirs=f"{1 / median(theirs):.0f}/s",
            number=ratio(theirs, ours),
            goal=Goal(2.5, at_least=True),
        ),
        Row(what="the same, CPU of the server for one", number=median(cpu) * 1e3, unit="ms"),
        Row(what="the same, one alone, mutation sent to end told", number=median(alone) * 1e3, unit="ms"),
    ]
