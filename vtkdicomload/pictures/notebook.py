"""A volume as a notebook shows it."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from ..loading.facts import list_facts
from .sheets import draw_middle_slice

if TYPE_CHECKING:
    from ..loading.volume_data import VolumeData


def write_html(volume: VolumeData) -> str:
    """A volume as HTML, with a picture of its middle slice."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th><td>{html.escape(words)}</td></tr>"
        for name, words in list_facts(volume)
    )
    picture = draw_middle_slice(volume)
    return (
        f"<p><b>{html.escape(volume.series.title)}</b></p>"
        f"<div style='display:flex;gap:1em'><img alt='middle slice' src='data:image/png;base64,{picture}'>"
        f"<table>{rows}</table></div>"
    )
