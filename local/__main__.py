"""`make start`: Ctrl-C ends it without a word while nothing runs yet; see `start`."""

import signal
import sys


def main() -> int:
    """The exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from local import start

    return start.main()


if __name__ == "__main__":
    sys.exit(main())
