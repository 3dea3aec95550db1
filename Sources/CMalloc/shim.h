#pragma once
#include <stdlib.h>

/// Bytes that the allocator has given out, and that it keeps between them.
typedef struct {
    size_t used;
    size_t spare;
} needletail_heap;

#if defined(__GLIBC__)
#include <malloc.h>

/// Gives whole free pages of all arenas back to the system.
static inline void needletail_trim(void) { malloc_trim(0); }

/// Walks the free lists of all arenas.
static inline needletail_heap needletail_heap_now(void) {
    struct mallinfo2 info = mallinfo2();
    needletail_heap heap = {info.uordblks, info.fordblks};
    return heap;
}
#else
static inline void needletail_trim(void) {}
static inline needletail_heap needletail_heap_now(void) {
    needletail_heap heap = {0, 0};
    return heap;
}
#endif
