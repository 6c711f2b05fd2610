# The one thing of this kernel that Python syntax cannot say: ask the processor for a cache line ahead of time.
cdef extern from * nogil:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define nanodesk_prefetch(address) __builtin_prefetch(address)
    #else
    #define nanodesk_prefetch(address) ((void) (address))
    #endif
    """
    void prefetch "nanodesk_prefetch" (const void *address) noexcept
