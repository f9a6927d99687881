"""``python -m jobd``."""

from jobd.cli.main import main

if __name__ == "__main__":
    main()
