"""Quality, measured on labelled data: one module and one report a kind of data."""
