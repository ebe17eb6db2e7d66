"""``python -m jobsphere`` is the command line."""

from jobsphere.cli import main

main()
