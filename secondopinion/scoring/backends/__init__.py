"""What computes a model: plain torch everywhere, OpenVINO on CPUs."""

from ...core.lazy import lazy_exports

_EXPORTS = {
    "Backend": ".backend",
    "OpenVinoBackend": ".openvino_backend",
    "TorchBackend": ".torch_backend",
    "open_backend": ".choice",
}
__all__ = sorted(_EXPORTS)
__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
