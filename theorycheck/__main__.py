"""``python -m theorycheck``: the command."""

from theorycheck.cli import main

if __name__ == "__main__":
    main()
