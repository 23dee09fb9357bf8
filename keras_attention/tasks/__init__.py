"""What attention is for beyond one class an image: a folder a task."""
