import struct NIOCore.ByteBuffer

/// The configuration of a video track, whatever its codec.
enum VideoConfiguration: Sendable, Equatable {
    case h264(H264Configuration)
    case hevc(HEVCConfiguration)
    case av1(AV1Configuration)

    init(codec: VideoCodec, record: [UInt8]) throws(MediaError) {
        switch codec {
        case .h264: self = .h264(try H264Configuration(record))
        case .hevc: self = .hevc(try HEVCConfiguration(record))
        case .av1: self = .av1(try AV1Configuration(record))
        }
    }

    var codec: VideoCodec {
        switch self {
        case .h264: .h264
        case .hevc: .hevc
        case .av1: .av1
        }
    }

    /// Its configuration record.
    var record: [UInt8] {
        switch self {
        case .h264(let configuration): configuration.record
        case .hevc(let configuration): configuration.record
        case .av1(let configuration): configuration.record
        }
    }

    var format: TrackFormat {
        switch self {
        case .h264(let configuration): configuration.format
        case .hevc(let configuration): configuration.format
        case .av1(let configuration): configuration.format
        }
    }

    var frameDuration: FrameDuration? {
        switch self {
        case .h264(let configuration): configuration.frameDuration
        case .hevc(let configuration): configuration.frameDuration
        case .av1(let configuration): configuration.frameDuration
        }
    }

    var displaySize: (width: Int, height: Int) { (format.width ?? 0, format.height ?? 0) }

    var codedSize: (width: Int, height: Int) {
        if case .h264(let configuration) = self { configuration.codedSize } else { displaySize }
    }

    /// Whether a key frame's AV1 sequence header is this configuration's; true where it has none.
    func isSequence(of frame: ByteBuffer) -> Bool {
        guard case .av1(let configuration) = self else { return false }
        let bytes = Array(frame.readableBytesView.prefix(4_096))
        guard let unit = AV1Units.first(AV1Units.sequenceHeader, in: bytes[...]) else { return true }
        return AV1Units.first(AV1Units.sequenceHeader, in: configuration.record.dropFirst(4)).map {
            $0.elementsEqual(unit)
        } ?? false
    }

    /// Whether decoding can start at this frame: by its NAL units or AV1 units, never by the publisher's flag.
    func isSync(_ frame: UnsafeRawBufferPointer) -> Bool {
        switch self {
        case .h264(let configuration):
            NALUnits.contains(frame, lengthSize: configuration.nalLengthSize) { $0 & 31 == 5 }
        case .hevc(let configuration):
            NALUnits.contains(frame, lengthSize: configuration.nalLengthSize) { (16...21).contains($0 >> 1 & 63) }
        case .av1:
            AV1Units.first(AV1Units.sequenceHeader, in: Array(frame.prefix(4_096))[...]) != nil
        }
    }
}

/// NAL units with their lengths before them, as MP4 and FLV carry them.
enum NALUnits {
    /// Whether any unit's first byte satisfies `isWanted`.
    static func contains(
        _ frame: UnsafeRawBufferPointer, lengthSize: Int, where isWanted: (UInt8) -> Bool
    ) -> Bool {
        var offset = 0
        while offset + lengthSize < frame.count {
            var length = 0
            for index in 0..<lengthSize { length = length << 8 | Int(frame[offset + index]) }
            offset += lengthSize
            if isWanted(frame[offset]) { return true }
            guard length > 0, length <= frame.count - offset else { return false }
            offset += length
        }
        return false
    }
}
