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
        switch self {
        case .h264(let configuration): configuration.codedSize
        case .hevc(let configuration): configuration.codedSize
        case .av1: displaySize
        }
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

    /// Frames may be shown in another order than they are decoded.
    var mayReorder: Bool {
        switch self {
        case .h264(let configuration): configuration.record[1] != 66
        case .hevc: true
        case .av1: false
        }
    }

    /// How wide and high a pixel is; nil for a square one.
    var pixelAspect: PixelAspect? {
        switch self {
        case .h264(let configuration): configuration.pixelAspect
        case .hevc(let configuration): configuration.pixelAspect
        case .av1: nil
        }
    }

    var colour: ColourDescription? {
        switch self {
        case .h264(let configuration): configuration.colour
        case .hevc(let configuration): configuration.colour
        case .av1(let configuration): configuration.colour
        }
    }

    /// Whether decoding can start at this frame: by its NAL units or AV1 units, never by the publisher's flag.
    func access(of frame: UnsafeRawBufferPointer) -> RandomAccess {
        accessUnit(frame)?.access
            ?? (AV1Units.first(AV1Units.sequenceHeader, in: Array(frame.prefix(4_096))[...]) != nil ? .closed : .none)
    }

    // MARK: NAL units

    /// What a frame holds; nil for AV1, which has no NAL units.
    func accessUnit(_ frame: UnsafeRawBufferPointer) -> AccessUnit? {
        units.map { AccessUnit(frame, codec: codec, lengthSize: $0.lengthSize) }
    }

    /// Bytes of a NAL unit's length, and the parameter sets; nil for AV1.
    var units: (lengthSize: Int, sets: ParameterSets)? {
        switch self {
        case .h264(let configuration): (configuration.nalLengthSize, configuration.sets)
        case .hevc(let configuration): (configuration.nalLengthSize, configuration.sets)
        case .av1: nil
        }
    }

    /// Made of parameter sets that came with the frames.
    init(codec: VideoCodec, sets: ParameterSets, lengthSize: Int) throws(MediaError) {
        switch codec {
        case .h264: self = .h264(try H264Configuration(sets, nalLengthSize: lengthSize))
        case .hevc: self = .hevc(try HEVCConfiguration(sets, nalLengthSize: lengthSize))
        case .av1: throw .invalidConfiguration(codec: "AV1", reason: "it has no parameter sets")
        }
    }
}
