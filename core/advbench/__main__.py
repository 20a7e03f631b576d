"""`python -m advbench`."""

from .cli import main

main()
