"""The entry of ``python app.py`` and of a Space: settings, then the desk."""

from __future__ import annotations

import sys

from mmcs.settings import from_environment, prepare_process

prepare_process()  # before any library is imported

from mmcs.boundary import start_log  # noqa: E402  # after prepare_process
from mmcs.desk import serve  # noqa: E402
from mmcs.errors import MMCSError  # noqa: E402

if __name__ == "__main__":
    start_log()
    try:
        serve(from_environment())
    except MMCSError as error:
        sys.exit(f"mmcs: {error}")
