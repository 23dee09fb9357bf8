"""What networks with attention are for, beyond one class an image."""

__all__ = []
