"""The HTTP server: one listening socket, worker processes that share it, and whoever starts and replaces them."""
