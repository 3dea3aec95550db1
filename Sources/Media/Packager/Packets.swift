import struct NIOCore.ByteBuffer

/// The two kinds of track that are packaged.
package enum MediaKind: Sendable, Hashable, Codable { case video, audio }

package enum VideoCodec: String, Sendable, Hashable {
    case h264, hevc, av1

    /// As people write it.
    package var name: String {
        switch self {
        case .h264: "H.264"
        case .hevc: "HEVC"
        case .av1: "AV1"
        }
    }
}

package enum AudioCodec: String, Sendable, Hashable {
    case aac, opus

    /// As people write it.
    package var name: String { self == .aac ? "AAC" : "Opus" }
}

/// What an ingest protocol carried.
package enum PacketPayload: Sendable {
    /// avcC, hvcC or av1C; AudioSpecificConfig or OpusHead.
    case configuration(ByteBuffer)
    /// One frame: length-prefixed NAL units, AV1 units without temporal delimiters, a raw AAC or Opus frame.
    case frame(ByteBuffer)
    case end
}

/// One video packet, its times as the publisher sent them.
package struct VideoPacket: Sendable {
    package var codec: VideoCodec
    /// Decode time in milliseconds; it wraps.
    package var timestampMilliseconds: UInt32
    /// Presentation minus decode time in milliseconds.
    package var compositionOffsetMilliseconds: Int32
    /// Added to the timestamp, 0 to 999,999.
    package var nanosecondOffset: UInt32
    package var payload: PacketPayload

    package init(
        codec: VideoCodec, timestampMilliseconds: UInt32, compositionOffsetMilliseconds: Int32 = 0,
        nanosecondOffset: UInt32 = 0, payload: PacketPayload
    ) {
        self.codec = codec
        self.timestampMilliseconds = timestampMilliseconds
        self.compositionOffsetMilliseconds = compositionOffsetMilliseconds
        self.nanosecondOffset = nanosecondOffset
        self.payload = payload
    }
}

/// One audio packet, its time as the publisher sent it.
package struct AudioPacket: Sendable {
    package var codec: AudioCodec
    /// Milliseconds; it wraps.
    package var timestampMilliseconds: UInt32
    package var nanosecondOffset: UInt32
    package var payload: PacketPayload

    package init(
        codec: AudioCodec, timestampMilliseconds: UInt32, nanosecondOffset: UInt32 = 0, payload: PacketPayload
    ) {
        self.codec = codec
        self.timestampMilliseconds = timestampMilliseconds
        self.nanosecondOffset = nanosecondOffset
        self.payload = payload
    }
}

extension VideoPacket {
    /// A frame that may stand in for a configuration record.
    var bringsConfiguration: Bool {
        guard case .frame(let bytes) = payload else { return false }
        if codec == .av1 { return true }
        return bytes.withUnsafeReadableBytes { AccessUnit($0, codec: codec, lengthSize: 4).hasParameterSets }
    }

    var stamp: Stamp { Stamp(milliseconds: timestampMilliseconds, nanosecondOffset: nanosecondOffset) }
}

extension AudioPacket {
    var stamp: Stamp { Stamp(milliseconds: timestampMilliseconds, nanosecondOffset: nanosecondOffset) }
}
