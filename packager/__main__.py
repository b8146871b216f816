"""`python -m packager` is the `package` command."""

from packager.cli import main

if __name__ == "__main__":
    main()
