"""`i2i learn`."""

from __future__ import annotations

from typing import Annotated

import typer

from ..app import app


@app.command()
def learn(
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 7880,
    visitors: Annotated[int, typer.Option(help="How many people may train at a time.", min=1, max=64)] = 6,
    no_open: Annotated[bool, typer.Option("--no-open", help="Leave the browser as it is.")] = False,
) -> None:
    """Watch small GANs learn, fail and recover, on a page of your own machine.

    Choose or draw what is learnt, set both networks, their losses and rates, and see each step. A button provokes each
    failure, the doctor names it, another button cures it while it runs. A course of ten lessons leads through.

    \b
    i2i learn
    i2i learn --port 0 --no-open
    """
    from ...learn.web.serve import serve_learn

    serve_learn(host, port, typer.echo, visitors=visitors, opens=not no_open)
