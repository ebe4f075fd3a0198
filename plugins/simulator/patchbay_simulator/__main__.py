"""``python -m patchbay_simulator``."""

from patchbay_simulator.cli import main

if __name__ == "__main__":
    main()
