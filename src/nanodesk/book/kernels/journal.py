"""The event log in memory: words of 64 bits in chunks that never move.

A log is written once for every command and read rarely, so what counts is how much fresh memory a record takes: the
kernel of the system clears each page before its first use. A plain cancel is one word, a plain limit or market order
two; whatever has more to it is a mark and the record as it was handed in. Chunks double up to 2 MiB and are not copied.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint64_t
from cython.cimports.libc.stdlib import free, realloc
from cython.cimports.libc.string import memcpy, memset
from cython.cimports.nanodesk.book.kernels.blocks import free_block, new_block

_FIRST_WORDS = cython.declare(int64_t, 512)
_MOST_WORDS = cython.declare(int64_t, 262_144)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _chunk_bytes(i: int64_t) -> cython.size_t:
    """How large the chunk of a place is."""
    words: int64_t = _FIRST_WORDS << i if i < 9 else _MOST_WORDS
    return cython.cast(cython.size_t, words) * cython.sizeof(uint64_t)


def journal_more(j: cython.pointer(Journal)) -> cython.int:
    """Close the chunk and begin the next. MemoryError if there is no memory."""
    capacity: int64_t = 8 if j.chunk_capacity == 0 else j.chunk_capacity * 2
    size: cython.size_t = _chunk_bytes(j.n_chunks)
    chunks: cython.p_void
    chunk: cython.pointer(Chunk)
    block: cython.p_void
    if j.n_chunks == j.chunk_capacity:
        chunks = realloc(j.chunks, cython.cast(cython.size_t, capacity) * cython.sizeof(Chunk))
        if chunks == cython.NULL:
            with cython.gil:
                raise MemoryError
        j.chunks = cython.cast(cython.pointer(Chunk), chunks)
        j.chunk_capacity = capacity
    block = new_block(size)
    if block == cython.NULL:
        with cython.gil:
            raise MemoryError
    if j.n_chunks != 0:
        j.chunks[j.n_chunks - 1].end = j.at
    chunk = cython.address(j.chunks[j.n_chunks])
    chunk.words = cython.cast(cython.pointer(uint64_t), block)
    chunk.end = cython.NULL
    chunk.first = j.n
    j.n_chunks += 1
    j.at = chunk.words
    j.limit = chunk.words + size // cython.sizeof(uint64_t)
    return 0


def journal_free(j: cython.pointer(Journal)) -> cython.void:
    """Give the memory back."""
    i: int64_t
    for i in range(j.n_chunks):
        free_block(j.chunks[i].words, _chunk_bytes(i))
    free(j.chunks)
    memset(j, 0, cython.sizeof(Journal))


def journal_whole(j: cython.pointer(Journal), e: cython.pointer(Event)) -> cython.int:
    """Append a record that does not fit the short forms, or a cancel that came as a record."""
    plain: cython.bint = e.side == 0 and e.policy == 0 and e.flags == 0 and e.owner == 0
    if e.kind == PLAIN_CANCEL and plain and e.price == 0 and e.quantity == 0:
        if e.id >= 0 and cython.cast(uint64_t, e.id) < ND_PLAIN_ID:
            return journal_cancel(j, e.id)
    if journal_room(j) < cython.cast(cython.size_t, LONGEST_RECORD):
        journal_more(j)
    j.at[0] = WHOLE_RECORD
    memcpy(j.at + 1, e, cython.sizeof(Event))
    j.at += LONGEST_RECORD
    j.n += 1
    return 0


def journal_seek(j: cython.pointer(Journal), i: int64_t, c: cython.pointer(Cursor)) -> cython.void:
    """Stand before record ``i``, 0 to the number of records."""
    low: int64_t = 0
    high: int64_t = j.n_chunks
    middle: int64_t
    skip: int64_t
    e: Event
    while high - low > 1:
        middle = (low + high) >> 1
        if j.chunks[middle].first <= i:
            low = middle
        else:
            high = middle
    c.journal = j
    c.chunk = low
    if j.n_chunks == 0:
        return
    c.at = j.chunks[low].words
    for skip in range(i - j.chunks[low].first):
        journal_next(c, cython.address(e))


def journal_next(c: cython.pointer(Cursor), e: cython.pointer(Event)) -> cython.void:
    """Read the record at the cursor, which must not stand at the end, and go on."""
    word: uint64_t
    if c.at == c.journal.chunks[c.chunk].end:
        c.chunk += 1
        c.at = c.journal.chunks[c.chunk].words
    word = c.at[0]
    if word & 255 == WHOLE_RECORD:
        memcpy(e, c.at + 1, cython.sizeof(Event))
        c.at += LONGEST_RECORD
        return
    memset(e, 0, cython.sizeof(Event))
    e.kind = word & 255
    if e.kind == PLAIN_CANCEL:
        e.id = cython.cast(int64_t, word >> 8)
        c.at += 1
        return
    e.side = (word >> 8) & 255
    e.policy = (word >> 16) & 255
    e.quantity = cython.cast(int64_t, word >> 24)
    e.price = cython.cast(int64_t, c.at[1])
    c.at += 2
