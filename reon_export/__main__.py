"""`python -m reon_export`."""

from reon_export.cli import main

if __name__ == "__main__":
    main()
