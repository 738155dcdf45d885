"""The HTTP face: one outer ASGI callable, the hot routes, and Litestar behind it."""
