"""A page taken apart: what it has of elements and attributes, and the text that a reader sees."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """The elements of a page as (name, attributes), and its text without styles and scripts."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.source = path.read_text(encoding="utf-8")
        self.elements = []
        self._texts = []
        self._hidden = False
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._hidden = tag in ("script", "style")

    def handle_endtag(self, tag):
        self._hidden = False

    def handle_data(self, data):
        if not self._hidden:
            self._texts.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self._texts).split())

    def of(self, name, **wanted):
        """The attributes of the elements of a name, which have these among them."""
        return [
            found
            for tag, found in self.elements
            if tag == name and all(found.get(key.rstrip("_")) == value for key, value in wanted.items())
        ]

    @property
    def addresses(self):
        """All that the page links to or loads."""
        return [
            value
            for _, found in self.elements
            for key, value in found.items()
            if key in ("src", "href", "srcset", "action", "data", "poster", "formaction", "xlink:href")
        ]

    @property
    def policy(self):
        (found,) = [one for one in self.of("meta") if one.get("http-equiv") == "Content-Security-Policy"]
        return dict(one.strip().split(" ", 1) for one in found["content"].split(";"))
