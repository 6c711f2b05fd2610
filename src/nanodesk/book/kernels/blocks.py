"""Memory of orders and log in whole blocks; those of 2 MiB are used again when a book is gone."""

import cython
from cython.cimports.nanodesk.book.kernels.memory import nd_block, nd_block_free, nd_large_pages


def new_block(size: cython.size_t) -> cython.p_void:
    """A block of lines, or of large pages from 2 MiB on; NULL if there is no memory. What it holds is anything."""
    block: cython.p_void = cython.NULL
    if size == BLOCK_BYTES:
        block = nd_take()
    if block == cython.NULL:
        block = nd_block(size)
        if block != cython.NULL:
            nd_large_pages(block, size)
    return block


def free_block(block: cython.p_void, size: cython.size_t) -> cython.void:
    """Give a block back; NULL is nothing."""
    if block == cython.NULL or (size == BLOCK_BYTES and nd_keep(block)):
        return
    nd_block_free(block)
