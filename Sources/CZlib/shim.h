#pragma once
#include <zlib.h>

/// `deflateInit2` is a macro that passes the header's version, which Swift cannot call.
static inline int needletail_deflate_gzip(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}

/// The same without head and tail (RFC 1951 alone).
static inline int needletail_deflate_raw(z_stream *stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY);
}

/// `inflateInit2` is such a macro too. gzip alone: anything else is refused.
static inline int needletail_inflate_gzip(z_stream *stream) {
    return inflateInit2(stream, 15 + 16);
}
