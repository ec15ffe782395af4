"""`python -m feedpub` and the command `feedpub`."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still being imported ends it without a word."""
    try:
        from feedpub.cli import main as run  # noqa: PLC0415 - takes a second, in which somebody may press Ctrl-C
    except KeyboardInterrupt:
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
