"""Which browser it was."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BrowserVersion:
    """A browser and its version, as text like `chromium 156.0.8078.79`; without a version, one that was not started."""

    name: str
    version: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()

    @property
    def short(self) -> str:
        """Like `chromium 156`."""
        return f"{self.name} {self.version.partition('.')[0]}".strip()


def parse_browser_version(text: str) -> BrowserVersion:
    """The inverse of `str`."""
    name, _, version = text.partition(" ")
    return BrowserVersion(name, version)
