"""The listing of a folder as a web server writes it: a page with a link to each file."""

from __future__ import annotations

from html.parser import HTMLParser
from urllib.parse import unquote, urldefrag, urljoin, urlsplit


class _Links(HTMLParser):
    """The targets of the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]


def list_links(page: str, url: str) -> list[str]:
    """List the links of a page to what lies just below it, as whole URLs; those of folders end with a slash.

    Parameters
    ----------
    page : str
        The page, in HTML.
    url : str
        Where it was found.
    """
    parser = _Links()
    parser.feed(page)
    base = urlsplit(url if urlsplit(url).path.endswith("/") else urljoin(url, urlsplit(url).path + "/"))
    links = []
    for target in parser.found:
        try:
            link = urldefrag(urljoin(base.geturl(), target.strip())).url
            parts = urlsplit(link)
        except ValueError:
            continue
        below = parts.path.removeprefix(base.path)
        # What leads to the page itself, in another order, or up from it is no file of it.
        same = parts.netloc == base.netloc and parts.path.startswith(base.path)
        if same and unquote(below).strip("/.") and "/" not in below.rstrip("/"):
            links.append(link)
    return list(dict.fromkeys(links))
