import struct NIOCore.ByteBuffer

package enum VideoTagCodec: Sendable, Hashable { case h264, hevc, av1, other(String) }
package enum AudioTagCodec: Sendable, Hashable { case aac, opus, other(String) }

/// A video message, legacy or Enhanced RTMP, made plain.
package struct VideoTag: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case configuration(ByteBuffer)
        case frame(ByteBuffer, compositionOffsetMilliseconds: Int32)
        case endOfSequence
    }
    /// Decode time as sent, milliseconds modulo 2^32.
    package var timestamp: UInt32
    package var trackID: UInt8
    package var codec: VideoTagCodec
    package var kind: Kind
    package var isKeyFrameFlag: Bool
    /// Enhanced RTMP ModEx: added to the timestamp.
    package var nanosecondOffset: UInt32
}

/// An audio message, legacy or Enhanced RTMP, made plain.
package struct AudioTag: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case configuration(ByteBuffer)
        case frame(ByteBuffer)
        case endOfSequence
    }
    package var timestamp: UInt32
    package var trackID: UInt8
    package var codec: AudioTagCodec
    package var kind: Kind
    package var nanosecondOffset: UInt32
}

/// What a publisher announces with onMetaData. Codecs come from the media's own headers, never from here.
package struct StreamMetadata: Sendable, Equatable {
    package var width: Double?
    package var height: Double?
    package var frameRate: Double?
    package var audioSampleRate: Double?
    /// Kilobits a second.
    package var videoBitRate: Double?
    package var audioBitRate: Double?
    /// Nil where the metadata says nothing.
    package var hasVideo: Bool?
    package var hasAudio: Bool?
    package var encoder: String?

    init(_ value: AMFValue) {
        width = value["width"]?.number
        height = value["height"]?.number
        frameRate = value["framerate"]?.number ?? value["videoframerate"]?.number
        audioSampleRate = value["audiosamplerate"]?.number
        videoBitRate = value["videodatarate"]?.number
        audioBitRate = value["audiodatarate"]?.number
        encoder = value["encoder"]?.string.map { String($0.prefix(80)) }
        let announcesVideo = value["videocodecid"] != nil || (width ?? 0) > 0
        let announcesAudio = value["audiocodecid"] != nil || (audioSampleRate ?? 0) > 0
        // Metadata that names one kind of track and not the other says that the other will not come.
        if announcesVideo || announcesAudio { (hasVideo, hasAudio) = (announcesVideo, announcesAudio) }
    }
}
