"""The ``clearinghouse`` command."""

from __future__ import annotations

import typer

from clearinghouse.cli import (
    bench,
    demo,
    devnet,
    journal,
    light_client,
    operate,
    proof,
    relay,
    serve,
    tape,
)

app = typer.Typer(
    help="A cross-chain clearinghouse: nets off-chain, settles the nets on many chains atomically.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
app.command("serve")(serve.serve)
app.command("relay")(relay.relay)
app.command("demo")(demo.demo)
app.add_typer(devnet.app, name="devnet")
app.add_typer(light_client.app, name="light-client")
app.add_typer(tape.app, name="tape")
app.add_typer(journal.app, name="journal")
app.add_typer(operate.app, name="operate")
app.add_typer(proof.app, name="proof")
app.add_typer(bench.app, name="bench")


if __name__ == "__main__":
    app()
