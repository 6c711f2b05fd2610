# Blocks of 2 MiB for orders and log, kept when a book goes and given to the next: fresh memory is memory that the system must
# clear first. At most 32 blocks are kept. Where two threads meet, the second goes to the allocator: nobody ever waits.
cdef extern from *:
    """
    #if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
    #define ND_KEPT 32
    static void* nd_kept[ND_KEPT];
    static int nd_n_kept = 0;
    static char nd_busy = 0;
    static inline void* nd_take(void) {
        void* block = NULL;
        if (__atomic_test_and_set(&nd_busy, __ATOMIC_ACQUIRE)) return NULL;
        if (nd_n_kept > 0) block = nd_kept[--nd_n_kept];
        __atomic_clear(&nd_busy, __ATOMIC_RELEASE);
        return block;
    }
    static inline int nd_keep(void* block) {
        int kept = 0;
        if (__atomic_test_and_set(&nd_busy, __ATOMIC_ACQUIRE)) return 0;
        if (nd_n_kept < ND_KEPT) { nd_kept[nd_n_kept++] = block; kept = 1; }
        __atomic_clear(&nd_busy, __ATOMIC_RELEASE);
        return kept;
    }
    #else
    #define nd_take() NULL
    #define nd_keep(block) 0
    #endif
    """
    void* nd_take() nogil
    bint nd_keep(void* block) nogil

cdef enum:
    BLOCK_BYTES = 2097152

cdef void* new_block(size_t size) noexcept nogil
cdef void free_block(void* block, size_t size) noexcept nogil
