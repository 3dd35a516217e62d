"""The desk as a Hugging Face Space: space.yaml, README's front matter, and how it is deployed."""

from mmcs.space.card import check, write
from mmcs.space.deploy import deploy

__all__ = ["check", "deploy", "write"]
