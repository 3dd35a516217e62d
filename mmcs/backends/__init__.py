"""One file for each wrapped library; the only place that imports torch and its like."""
