"""``python -m vtkdicomload``."""

from .commands.cli import main

if __name__ == "__main__":
    main()
