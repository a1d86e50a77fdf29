"""The report as pages that people look at, made of report.json: no network, no server, and nothing trusted in it."""

from .render import Review, pages_of, write_page

__all__ = ["Review", "pages_of", "write_page"]
