from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef extern from *:
    """
    /* Turns the order of signed prices into the order of unsigned keys. */
    #define ND_SIGN 0x8000000000000000ULL
    """
    uint64_t ND_SIGN
    int __builtin_clzll(unsigned long long) nogil
    int __builtin_ctzll(unsigned long long) nogil

# One price of one side: one cache line. Orders hang on it as a queue of ids, levels on each other best to worst.
ctypedef struct Level:
    int64_t price
    int64_t visible
    int64_t open
    int64_t head
    int64_t tail
    uint32_t better
    uint32_t worse
    uint32_t count
    uint32_t soft
    uint32_t pegged
    uint32_t unused

ctypedef struct Node:
    uint64_t prefix
    uint64_t bits
    uint32_t shift
    uint32_t unused
    uint32_t child[64]

ctypedef struct Ladder:
    Level* levels
    Node* nodes
    uint32_t n_levels
    uint32_t level_capacity
    uint32_t free_level
    uint32_t n_nodes
    uint32_t node_capacity
    uint32_t free_node
    uint32_t root
    uint32_t best
    uint32_t active
    uint32_t soft
    bint descending

cdef int ladder_init(Ladder* s, bint descending) except -1 nogil
cdef void ladder_free(Ladder* s) noexcept nogil
cdef uint32_t ladder_find(Ladder* s, int64_t price) noexcept nogil
cdef int64_t ladder_insert(Ladder* s, int64_t price) except -1 nogil
cdef void ladder_remove(Ladder* s, uint32_t index) noexcept nogil
