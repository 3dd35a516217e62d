"""The parts of ``openai_api``."""
