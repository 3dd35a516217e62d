"""The parts of ``transformers_vlm``."""
