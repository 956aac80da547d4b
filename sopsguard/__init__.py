"""sopsguard: the guard of a repository whose secrets live in SOPS files."""

__version__ = "0.1.0"
