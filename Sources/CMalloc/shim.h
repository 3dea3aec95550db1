#pragma once
#include <stdlib.h>

#if defined(__GLIBC__)
#include <malloc.h>

/// Gives whole free pages of all arenas back to the system.
static inline void needletail_trim(void) { malloc_trim(0); }
#else
static inline void needletail_trim(void) {}
#endif
