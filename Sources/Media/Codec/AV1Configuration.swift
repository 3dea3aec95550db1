/// An AV1CodecConfigurationRecord (AV1 ISOBMFF binding, 2.3) and what its sequence header says.
package struct AV1Configuration: Sendable, Equatable {
    let record: [UInt8]
    let format: TrackFormat
    let frameDuration: FrameDuration?
    let colour: ColourDescription?

    init(_ record: [UInt8]) throws(MediaError) {
        guard record.count >= 4 else { throw .truncatedConfiguration(codec: "AV1") }
        guard let sequence = AV1Units.first(AV1Units.sequenceHeader, in: record.dropFirst(4)),
            let header = AV1SequenceHeader(sequence)
        else { throw .invalidConfiguration(codec: "AV1", reason: "it holds no readable sequence header") }
        self.init(record: record, header: header)
    }

    /// The configuration that a key frame carries itself: ffmpeg sends an empty record before the first one.
    init?(keyFrame: ArraySlice<UInt8>) {
        guard let unit = AV1Units.firstWhole(AV1Units.sequenceHeader, in: keyFrame),
            let payload = AV1Units.first(AV1Units.sequenceHeader, in: keyFrame), let header = AV1SequenceHeader(payload)
        else { return nil }
        self.init(record: header.recordHead + unit, header: header)
    }

    private init(record: [UInt8], header: AV1SequenceHeader) {
        self.record = record
        frameDuration = header.frameDuration
        colour = header.colour
        let level = header.level < 10 ? "0\(header.level)" : "\(header.level)"
        let depth = header.bitDepth < 10 ? "0\(header.bitDepth)" : "\(header.bitDepth)"
        format = TrackFormat(
            codecs: "av01.\(header.profile).\(level)\(header.isHighTier ? "H" : "M").\(depth)", width: header.width,
            height: header.height, frameRate: header.frameDuration?.rate, videoRange: header.colour?.range)
    }
}

/// Open bitstream units of AV1 (5.3).
enum AV1Units {
    static let sequenceHeader: UInt8 = 1

    /// The payload of the first unit of `type`.
    static func first(_ type: UInt8, in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        find(type, in: bytes)?.payload
    }

    /// The first unit of `type`, its header included.
    static func firstWhole(_ type: UInt8, in bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        find(type, in: bytes)?.whole
    }

    private static func find(
        _ type: UInt8, in bytes: ArraySlice<UInt8>
    ) -> (whole: ArraySlice<UInt8>, payload: ArraySlice<UInt8>)? {
        var rest = bytes
        while let head = rest.first {
            let start = rest.startIndex
            var offset = start + 1 + (head & 4 == 0 ? 0 : 1)
            var size = rest.endIndex - offset
            if head & 2 != 0 {
                guard let (value, length) = leb128(rest[min(offset, rest.endIndex)...]) else { return nil }
                offset += length
                size = value
            }
            guard size >= 0, offset <= rest.endIndex, size <= rest.endIndex - offset else { return nil }
            if head >> 3 & 15 == type { return (rest[start..<offset + size], rest[offset..<offset + size]) }
            rest = rest[(offset + size)...]
        }
        return nil
    }

    private static func leb128(_ bytes: ArraySlice<UInt8>) -> (value: Int, length: Int)? {
        var value = 0
        for (index, byte) in bytes.prefix(5).enumerated() {
            value |= Int(byte & 127) << (7 * index)
            if byte & 128 == 0 { return (value, index + 1) }
        }
        return nil
    }
}

/// The fields of an AV1 sequence header that the packager needs (5.5).
struct AV1SequenceHeader {
    private(set) var profile: UInt32 = 0
    private(set) var level: UInt32 = 0
    private(set) var isHighTier = false
    private(set) var width = 0
    private(set) var height = 0
    private(set) var bitDepth = 8
    private(set) var frameDuration: FrameDuration?
    private(set) var colour: ColourDescription?
    private var flags: UInt8 = 0

    /// The four bytes before the units in a configuration record.
    var recordHead: [UInt8] {
        [0x81, UInt8(profile << 5 | level & 31), (isHighTier ? 0x80 : 0) | flags, 0]
    }

    init?(_ payload: ArraySlice<UInt8>) {
        var bits = BitReader(payload)
        guard let profile = bits.read(3), bits.skip(1) != nil, let isReduced = bits.flag() else { return nil }
        self.profile = profile
        if isReduced {
            guard let level = bits.read(5) else { return nil }
            self.level = level
        } else {
            guard readOperatingPoints(&bits) else { return nil }
        }
        guard let widthBits = bits.read(4), let heightBits = bits.read(4), let width = bits.read(Int(widthBits) + 1),
            let height = bits.read(Int(heightBits) + 1)
        else { return nil }
        self.width = Int(width) + 1
        self.height = Int(height) + 1
        guard readTools(&bits, isReduced: isReduced) else { return nil }
    }

    private mutating func readOperatingPoints(_ bits: inout BitReader) -> Bool {
        var decoderModelBits: Int?
        guard let hasTiming = bits.flag() else { return false }
        if hasTiming {
            guard let units = bits.read(32), let scale = bits.read(32), let isEqual = bits.flag() else { return false }
            var ticks: UInt32 = 1
            if isEqual {
                guard let minusOne = bits.unsigned() else { return false }
                ticks = minusOne &+ 1
                frameDuration = FrameDuration(
                    rateNumerator: Int64(scale),
                    rateDenominator: Int64(units).multipliedReportingOverflow(by: Int64(ticks)).partialValue)
            }
            guard let hasModel = bits.flag() else { return false }
            if hasModel {
                guard let length = bits.read(5), bits.skip(32 + 10) != nil else { return false }
                decoderModelBits = Int(length) + 1
            }
        }
        guard let hasInitialDelay = bits.flag(), let last = bits.read(5) else { return false }
        for index in 0...last {
            guard bits.skip(12) != nil, let level = bits.read(5) else { return false }
            var tier = false
            if level > 7 {
                guard let high = bits.flag() else { return false }
                tier = high
            }
            if index == 0 { (self.level, isHighTier) = (level, tier) }
            if let decoderModelBits {
                guard let isPresent = bits.flag() else { return false }
                if isPresent { guard bits.skip(2 * decoderModelBits + 1) != nil else { return false } }
            }
            if hasInitialDelay {
                guard let isPresent = bits.flag() else { return false }
                if isPresent { guard bits.skip(4) != nil else { return false } }
            }
        }
        return true
    }

    private mutating func readTools(_ bits: inout BitReader, isReduced: Bool) -> Bool {
        if !isReduced {
            guard let hasFrameIDs = bits.flag() else { return false }
            if hasFrameIDs { guard bits.skip(7) != nil else { return false } }
        }
        guard bits.skip(3) != nil else { return false }
        if !isReduced {
            guard bits.skip(4) != nil, let hasOrderHint = bits.flag() else { return false }
            if hasOrderHint { guard bits.skip(2) != nil else { return false } }
            guard let choosesScreenContent = bits.flag() else { return false }
            var forcesScreenContent: UInt32 = 2
            if !choosesScreenContent {
                guard let forced = bits.read(1) else { return false }
                forcesScreenContent = forced
            }
            if forcesScreenContent > 0 {
                guard let choosesInteger = bits.flag() else { return false }
                if !choosesInteger { guard bits.skip(1) != nil else { return false } }
            }
            if hasOrderHint { guard bits.skip(3) != nil else { return false } }
        }
        guard bits.skip(3) != nil else { return false }
        return readColour(&bits)
    }

    private mutating func readColour(_ bits: inout BitReader) -> Bool {
        guard let isHighDepth = bits.flag() else { return false }
        var isTwelveBit = false
        if profile == 2 && isHighDepth {
            guard let twelve = bits.flag() else { return false }
            isTwelveBit = twelve
        }
        bitDepth = isHighDepth ? (isTwelveBit ? 12 : 10) : 8
        var isMonochrome = false
        if profile != 1 {
            guard let mono = bits.flag() else { return false }
            isMonochrome = mono
        }
        guard let hasDescription = bits.flag() else { return false }
        if hasDescription {
            guard let said = ColourDescription(&bits) else { return false }
            // What is RGB has the full range, and no bit that says so (AV1, 5.5.2).
            let isRGB = !isMonochrome && said.primaries == 1 && said.transfer == 13 && said.matrix == 0
            guard let isFullRange = isRGB ? true : bits.flag() else { return false }
            colour = ColourDescription(
                primaries: said.primaries, transfer: said.transfer, matrix: said.matrix, isFullRange: isFullRange)
        }
        // 4:2:0 is what live encoders send; profiles 1 and 2 say more after this point.
        let subsampling: UInt8 = profile == 1 ? 0 : 3
        flags = (isHighDepth ? 0x40 : 0) | (isTwelveBit ? 0x20 : 0) | (isMonochrome ? 0x10 : 0) | subsampling << 2
        return true
    }
}
