"""What is registered, and where it is found."""

from __future__ import annotations

from .specs_networks import NETWORKS
from .specs_other import OTHERS
from .specs_own import OWN

MODELS = (*NETWORKS, *OTHERS, *OWN)
