"""`weft demo`"""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated

import typer

import weft
from weft.cli.address import parse_address
from weft.cli.api import connect
from weft.cli.exit_codes import CommandFailed, ExitCode
from weft.cli.output import console
from weft.demo.examples import Example, NoExamples, find_examples
from weft.demo.processes import CannotStart, running_server, running_stub
from weft.demo.show import show_example


def command(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Which examples; all of them.")] = None,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the server running afterwards, until Ctrl-C.")] = False,
) -> None:
    root = Path(weft.__file__).resolve().parents[1]
    sys.path.insert(0, str(root))  # the examples are modules of the repository, and are not installed
    try:
        code = asyncio.run(_demonstrate(root, find_examples(root, names or ()), keep=keep))
    except NoExamples as error:
        raise CommandFailed(ExitCode.USAGE, str(error)) from error
    except CannotStart as error:
        raise CommandFailed(ExitCode.UNAVAILABLE, str(error)) from error
    raise typer.Exit(code)


async def _demonstrate(root: Path, examples: Sequence[Example], *, keep: bool) -> ExitCode:
    out = console()
    codes = []
    async with AsyncExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="weft-demo-")))
        for stub in (example.stub for example in examples if example.stub):
            await stack.enter_async_context(running_stub(root, stub))
        url = await stack.enter_async_context(running_server(root, examples, directory))
        out.print(f"a server of its own: {url}/graphql, its data in {directory}", soft_wrap=True)
        api = await stack.enter_async_context(connect(parse_address(url)))
        for example in examples:
            codes.append(await show_example(api, example))  # noqa: PERF401 - one after the other, for people to watch
        if keep:
            out.print(f"\nthe server goes on until Ctrl-C; look around: {url}/graphql, or WEFT_URL={url} weft list")
            await asyncio.Event().wait()
    return max(codes)
