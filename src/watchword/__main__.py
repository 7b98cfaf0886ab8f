"""``python -m watchword`` is the command ``watchword``."""

from watchword.cli import main

main()
