"""arguments -> the app -> an exit code: 0 done, 1 something failed, 2 configuration.

root.py        the command itself, and what every subcommand needs
init.py        init
running.py     run, poll, ping-url, once, rebuild, demo
checking.py    check
looking.py     status, healthcheck
preview.py     preview
speaking.py    import, export, brief, announce, pause, resume
deliveries.py  deliveries list, retry, cancel, release
backup.py      backup, restore
show.py        what is shown on a terminal
"""

from feedpub.cli import backup, checking, deliveries, init, looking, preview, running, speaking
from feedpub.cli.root import cli, main

__all__ = ["backup", "checking", "cli", "deliveries", "init", "looking", "main", "preview", "running", "speaking"]
