"""``python -m mmcs``."""

import signal
import sys

from mmcs.boundary import start_log
from mmcs.cli import main

start_log()
signal.signal(signal.SIGTERM, signal.default_int_handler)  # stop as by Ctrl-C, leaving no halves
sys.exit(main())
