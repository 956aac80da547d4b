"""Who signed a commit, and whether they were allowed to: bytes and lookups in, verdicts out.

Nothing here runs git or reads a repository. `gnupg` alone starts a program, where pysequoia is missing.
"""
