# Blocks of memory and hints about them, in the C of the compilers we build with.
cdef extern from *:
    """
    #if defined(__GNUC__)
    #define nd_prefetch(p) __builtin_prefetch(p)
    #else
    #define nd_prefetch(p)
    #endif
    #if defined(__linux__)
    #include <sys/mman.h>
    /* Ask for large pages inside a large block: a random order is then one miss, not two. */
    static inline void nd_large_pages(void* data, size_t size) {
        size_t first = ((size_t)data + 2097151) & ~(size_t)2097151;
        size_t last = ((size_t)data + size) & ~(size_t)2097151;
        if (last > first) madvise((void*)first, last - first, MADV_HUGEPAGE);
    }
    #else
    #define nd_large_pages(data, size)
    #endif
    #include <stdlib.h>
    /* Whole lines, and from 2 MiB on whole large pages; the size is a multiple of either. */
    #if defined(_WIN32)
    #include <malloc.h>
    #define nd_block(size) _aligned_malloc(size, 64)
    #define nd_block_free _aligned_free
    #else
    #define nd_block(size) aligned_alloc((size) < 2097152 ? 4096 : 2097152, size)
    #define nd_block_free free
    #endif
    """
    void nd_prefetch(const void*) nogil
    void nd_large_pages(void*, size_t) nogil
    void* nd_block(size_t) nogil
    void nd_block_free(void*) nogil
