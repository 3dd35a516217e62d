"""The entry of ``python app.py`` and of a Space: settings, then the desk."""

from __future__ import annotations

import sys

from mmcs.boundary import start_log
from mmcs.desk import serve
from mmcs.errors import MMCSError
from mmcs.settings import from_environment

if __name__ == "__main__":
    start_log()
    try:
        serve(from_environment())
    except MMCSError as error:
        sys.exit(f"mmcs: {error}")
