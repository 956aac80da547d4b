"""`python -m sopsguard`."""

from sopsguard.cli import main

main()
