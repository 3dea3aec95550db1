#pragma once
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/avutil.h>
#include <libavutil/error.h>
#include <libavutil/mathematics.h>

// What Swift cannot import of FFmpeg: macros with casts, and fields whose names changed between versions.

static const int needletail_av_error_eof = AVERROR_EOF;
static const int needletail_av_error_memory = AVERROR(ENOMEM);
static const int64_t needletail_av_no_time = AV_NOPTS_VALUE;

static inline int needletail_av_channels(const AVCodecParameters *parameters) {
#if LIBAVCODEC_VERSION_INT >= AV_VERSION_INT(59, 24, 100)
    return parameters->ch_layout.nb_channels;
#else
    return parameters->channels;
#endif
}

static inline int needletail_av_is_key(const AVPacket *packet) { return (packet->flags & AV_PKT_FLAG_KEY) != 0; }
