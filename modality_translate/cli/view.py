"""`mtranslate view`: volumes side by side, and models run in the browser, on this computer alone. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from modality_translate.cli import options
from modality_translate.errors import TranslationError
from modality_translate.printable import plain


@click.command("view")
@click.argument("paths", nargs=-1, required=True, type=options.NamedPath(), metavar="PATH...")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; a free one when left out.")
@click.option("--no-browser", is_flag=True, help="Print the address only.")
@click.option("--html", type=options.NamedPath(), callback=options.ending(".html"),
              help="Write one HTML file with everything inside instead.")  # fmt: skip
@options.overwrite
def command(paths: tuple[Path, ...], port: int, no_browser: bool, html: Path | None, overwrite: bool) -> int:
    """Show volumes side by side, and translate them with model files, in the browser.

    PATH is a volume, a model file, the name of a shipped model, a report, or a folder of them. Crosshairs are linked,
    two volumes can be compared by flicker and by their difference, and what is translated can be saved. The server
    answers this computer only, and nothing leaves it. Ctrl-C ends it.

    With --html OUT.html no server runs: the page, the models and the volumes become one file, which works when opened
    from disk, with one thread. It holds the volumes' voxels and names: share it as you would share them.

    Example: mtranslate view mr.nii.gz synthetic.nii.gz limb-mr-to-ct
    """
    from modality_translate.viewer.catalogue import catalogue
    from modality_translate.viewer.server import Site, address, open_server

    shown = catalogue(paths)
    for error in shown.refused:
        click.echo(f"Passed over: {plain(str(error))}", err=True)
    if html is not None:
        return _write(html, shown.items, overwrite)
    site = Site(shown)
    with _opened(open_server, site, port) as server:
        click.echo(address(server, site))
        _serve(server, None if no_browser else address(server, site))
    return 0


def _opened(open_server: Any, site: Any, port: int) -> Any:
    try:
        return open_server(site, port)
    except OSError as error:
        raise TranslationError(f"port {port}", f"cannot be used ({error.strerror}).", "Leave --port out.") from error


def _write(html: Path, items: tuple[Any, ...], overwrite: bool) -> int:
    from modality_translate.viewer.single import single_page
    from modality_translate.volumes.atomic import replacing

    with replacing(html, overwrite=overwrite) as file:
        file.write(single_page(items).encode())
    click.echo(f"{html}: open it in a browser ({html.stat().st_size / 2**20:.1f} MiB).")
    return 0


def _serve(server: Any, open_at: str | None) -> None:
    """Until Ctrl-C, which is how one ends a viewer and no failure."""
    import webbrowser

    click.echo("Serving until Ctrl-C.", err=True)
    if open_at is not None and not webbrowser.open(open_at):
        click.echo("No browser could be opened: open the address above in one.", err=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("Ended.", err=True)
