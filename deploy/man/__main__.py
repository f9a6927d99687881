"""Write the manual pages into a folder: python -m deploy.man build/man"""

import sys
from pathlib import Path

from deploy.man.commands import PAGES
from deploy.man.configuration import configuration_page


def main(folder: Path) -> None:
    """Write every page, and say how to read it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in {**PAGES, "jobd.toml.5": configuration_page}.items():
        (folder / name).write_text(str(page()), encoding="ascii")
        print(f"man -l {folder / name}")


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: python -m deploy.man FOLDER")
    main(Path(sys.argv[1]))
