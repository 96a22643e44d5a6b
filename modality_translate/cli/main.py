"""`mtranslate`: finds the command's file by its name and imports nothing else, so that --help answers at once."""

from __future__ import annotations

import importlib
import sys

import click

from modality_translate.errors import TranslationError
from modality_translate.printable import plain

COMMANDS = {
    "phantom": "Make paired MR, CT and PET volumes with known truth.",
    "demo": "The whole journey on the phantom; ends with a report to open.",
    "check": "Say whether two folders hold usable pairs, before training.",
    "plan": "Measure two folders and plan a training, as a recipe to edit.",
    "train": "Train a translator from a recipe or from two folders.",
    "export": "Write a trained run into one self-describing .onnx file.",
    "convert": "Translate a volume or a folder with a model file.",
    "evaluate": "Score synthetic volumes against real ones.",
    "view": "Look at volumes and run models in the browser.",
    "inspect": "Say what a volume, a model, a run or a recipe is.",
    "doctor": "Say what is installed and which devices really work.",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in COMMANDS:
            return None
        command = importlib.import_module(f"modality_translate.cli.{name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"no such command {args[0]!r}; choose one of: {', '.join(COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="modality-translate", prog_name="mtranslate")
def mtranslate() -> None:
    """Translate medical volumes between MR, CT and PET. Research use; not a medical device."""


def main() -> None:
    """Run the command line; library errors become one line and an exit code, never a traceback."""
    try:
        status = mtranslate.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except TranslationError as error:
        click.echo(f"Error: {_one_line(str(error))}", err=True)
        sys.exit(error.exit_code)
    except MemoryError:
        click.echo("Error: the machine ran out of memory. Close other programs, or take a smaller volume.", err=True)
        sys.exit(1)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output (such as `head`) went away; nothing is left to say to anyone.
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        subject = error.filename or "operating system"
        click.echo(f"Error: {_one_line(f'{subject}: {error.strerror or error}')}.", err=True)
        sys.exit(1)
    sys.exit(status if isinstance(status, int) else 0)


def _one_line(text: str) -> str:
    return plain(" ".join(text.split()))
