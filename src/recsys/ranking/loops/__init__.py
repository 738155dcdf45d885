"""The inner loops of the stages, as machine code (see compiled.py). Rows of a compressed list come as their arrays.

Loops over many items read one array at a time, so that the processor waits for several of its places at once. A loop
calls only loops of its own file: what numba keeps on disk is made anew when that file changes.
"""
