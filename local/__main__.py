"""`make start`: Ctrl-C ends it without a word while nothing runs yet; see `start`."""

import gc
import signal
import sys


def main() -> int:
    """The exit code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from local import start

    code = start.main()
    gc.freeze()  # the interpreter's exit would look at every object once more
    return code


if __name__ == "__main__":
    sys.exit(main())
