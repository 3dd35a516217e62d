"""MMCS: a multimodal customer-service desk whose every drafted sentence shows what it rests on."""

from mmcs.settings import prepare_process

prepare_process()  # before any library that reads the environment when it is imported

__version__ = "0.1.0"
