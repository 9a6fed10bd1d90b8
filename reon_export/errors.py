"""Errors that a user can act on. The message is one line: what was got, what was wanted, how to fix it."""


class ReonExportError(Exception):
    """Base of every error that the command line prints as one line, with exit code 2.

    `recipe` is code to copy, in lines of its own below the message.
    """

    def __init__(self, message: str = "", recipe: str = "") -> None:
        super().__init__(message, recipe) if recipe else super().__init__(message)
        self.message = message
        self.recipe = recipe

    def __str__(self) -> str:
        return f"{self.message}\n{self.recipe}" if self.recipe else self.message


class CheckpointError(ReonExportError):
    """The weights file cannot be used."""


class SpecError(ReonExportError):
    """The description of the model (labels, sizes, normalisation) is wrong or incomplete."""


class FaceError(ReonExportError):
    """An image cannot be read, or no face crops come out of it."""


class ExportError(ReonExportError):
    """A conversion step failed."""


class TrackError(ReonExportError):
    """A video or a track of probabilities cannot be used, or two of them cannot be scored."""


class DataError(ReonExportError):
    """A labelled data set cannot be read, or a job over it cannot go on."""


class ParityError(ReonExportError):
    """Two runtimes could not be compared (this is not a failed comparison: nothing was judged)."""


class UnavailableError(ParityError):
    """A runtime does not run on this machine: its part of a parity job is "not run", not failed."""


class ManifestError(ReonExportError):
    """A model folder is missing, damaged or not one of ours."""


class FolderError(ReonExportError):
    """A finished folder cannot be put in its place."""


class SiteError(ReonExportError):
    """The demo cannot be written as a site or as one file."""


class BrowserError(ReonExportError):
    """No usable browser, or the page in it broke."""


class ServeError(ReonExportError):
    """The site cannot be served."""


class SetupError(ReonExportError):
    """Something that this command needs is not installed."""
