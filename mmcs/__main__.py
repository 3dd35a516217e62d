"""``python -m mmcs``."""

import sys

from mmcs.cli import main

sys.exit(main())
