/// An HEVCDecoderConfigurationRecord (ISO 14496-15, 8.3.3) and the picture size of its sequence parameter set.
package struct HEVCConfiguration: Sendable, Equatable {
    let record: [UInt8]
    let nalLengthSize: Int
    let format: TrackFormat
    let frameDuration: FrameDuration?
    let pixelAspect: PixelAspect?
    let colour: ColourDescription?
    let codedSize: (width: Int, height: Int)
    let sets: ParameterSets

    init(_ record: [UInt8]) throws(MediaError) {
        if record.withUnsafeBytes({ NALUnits.beginsWithStartCode($0) }) {
            // A byte stream (annex B) stands where the record should.
            self = try HEVCConfiguration(
                ParameterSets(codec: .hevc, NALUnits.units(ofByteStream: record)), nalLengthSize: 4)
            return
        }
        guard record.count >= 23 else { throw .truncatedConfiguration(codec: "HEVC") }
        var sets: [[UInt8]] = []
        var offset = 23
        for _ in 0..<record[22] {
            guard record.count >= offset + 3 else { throw .truncatedConfiguration(codec: "HEVC") }
            let count = Int(record[offset + 1]) << 8 | Int(record[offset + 2])
            offset += 3
            for _ in 0..<count {
                guard record.count >= offset + 2 else { throw .truncatedConfiguration(codec: "HEVC") }
                let length = Int(record[offset]) << 8 | Int(record[offset + 1])
                offset += 2
                guard record.count >= offset + length else { throw .truncatedConfiguration(codec: "HEVC") }
                if sets.count < ParameterSets.mostUnits { sets.append(Array(record[offset..<offset + length])) }
                offset += length
            }
        }
        try self.init(record: record, sets: ParameterSets(codec: .hevc, sets))
    }

    /// Makes a record of parameter sets, the sequence that is shown first (ISO 14496-15, 8.3.3.1.2).
    init(_ sets: ParameterSets, nalLengthSize: Int) throws(MediaError) {
        guard let first = sets.of(.sequence).first, let sequence = HEVCSequenceParameterSet(nalUnit: first.bytes) else {
            throw .invalidConfiguration(codec: "HEVC", reason: "it holds no readable sequence parameter set")
        }
        var record: [UInt8] = [1] + sequence.profile
        record += [0xf0, 0, 0xfc, 0xfc | UInt8(sequence.chroma & 3)]
        record += [0xf8 | UInt8(sequence.lumaDepth - 8 & 7), 0xf8 | UInt8(sequence.chromaDepth - 8 & 7), 0, 0]
        record.append(
            UInt8(sequence.temporalLayers & 7) << 3 | (sequence.isNested ? 4 : 0) | UInt8(max(1, nalLengthSize) - 1 & 3)
        )
        let arrays = [(32, sets.of(.video)), (33, sets.of(.sequence)), (34, sets.of(.picture))].filter { !$0.1.isEmpty }
        record.append(UInt8(arrays.count))
        for (type, units) in arrays {
            // The array is complete: no such set stands in the samples alone.
            record += [0x80 | UInt8(type), UInt8(units.count >> 8 & 255), UInt8(units.count & 255)]
            for unit in units {
                record += [UInt8(unit.bytes.count >> 8 & 255), UInt8(unit.bytes.count & 255)] + unit.bytes
            }
        }
        try self.init(record: record, sets: sets)
    }

    private init(record: [UInt8], sets: ParameterSets) throws(MediaError) {
        guard let first = sets.of(.sequence).first, let sequence = HEVCSequenceParameterSet(nalUnit: first.bytes) else {
            throw .invalidConfiguration(codec: "HEVC", reason: "it holds no readable sequence parameter set")
        }
        let rate = sets.of(.video).first.flatMap { HEVCParameterSets.frameDuration(videoSet: $0.bytes) }
        self.record = record
        self.sets = sets
        nalLengthSize = Int(record[21] & 3) + 1
        frameDuration = rate
        pixelAspect = sequence.pixelAspect
        colour = sequence.colour
        codedSize = (sequence.width, sequence.height)
        format = TrackFormat(
            codecs: Self.codecs(record), width: sequence.pixelAspect?.shown(sequence.width) ?? sequence.width,
            height: sequence.height, frameRate: rate?.rate, videoRange: sequence.colour?.range)
    }

    package static func == (a: Self, b: Self) -> Bool { a.record == b.record }

    /// `hvc1.` with profile, compatibility, tier and level, and constraints (ISO 14496-15, annex E.3).
    private static func codecs(_ record: [UInt8]) -> String {
        let space = ["", "A", "B", "C"][Int(record[1] >> 6)]
        let tier = record[1] & 0x20 == 0 ? "L" : "H"
        var compatibility: UInt32 = 0
        for index in 0..<4 { compatibility = compatibility << 8 | UInt32(record[2 + index]) }
        var reversed: UInt32 = 0
        for bit in 0..<32 where compatibility >> UInt32(bit) & 1 == 1 { reversed |= 1 << UInt32(31 - bit) }
        var constraints = Array(record[6..<12])
        while constraints.last == 0 { constraints.removeLast() }
        let text = constraints.map { "." + String($0, radix: 16, uppercase: true) }.joined()
        return
            "hvc1.\(space)\(record[1] & 31).\(String(reversed, radix: 16, uppercase: true)).\(tier)\(record[12])\(text)"
    }
}

/// The few fields of HEVC's video parameter sets that the packager needs.
enum HEVCParameterSets {
    /// Duration of a frame where the video parameter set tells it (H.265, 7.3.2.1).
    static func frameDuration(videoSet: some Sequence<UInt8>) -> FrameDuration? {
        var bits = BitReader(nalUnit: videoSet)
        guard bits.skip(16 + 4 + 2 + 6) != nil, let subLayers = bits.read(3), bits.skip(1 + 16) != nil,
            skipProfileTierLevel(&bits, subLayers: Int(subLayers)), let hasOrdering = bits.flag()
        else { return nil }
        for _ in (hasOrdering ? 0 : subLayers)...subLayers {
            guard bits.unsigned() != nil, bits.unsigned() != nil, bits.unsigned() != nil else { return nil }
        }
        guard let highestLayer = bits.read(6), let setCount = bits.unsigned(), setCount < 1_024,
            bits.skip(Int(setCount) * (Int(highestLayer) + 1)) != nil, bits.flag() == true,
            let units = bits.read(32), let scale = bits.read(32)
        else { return nil }
        return FrameDuration(rateNumerator: Int64(scale), rateDenominator: Int64(units))
    }

    private static func skipProfileTierLevel(_ bits: inout BitReader, subLayers: Int) -> Bool {
        bits.skip(88 + 8) != nil && skipSubLayers(&bits, count: subLayers)
    }

    /// What profile_tier_level says of the layers below the highest (H.265, 7.3.3).
    static func skipSubLayers(_ bits: inout BitReader, count subLayers: Int) -> Bool {
        guard subLayers > 0 else { return true }
        var present: [(profile: Bool, level: Bool)] = []
        for _ in 0..<subLayers {
            guard let profile = bits.flag(), let level = bits.flag() else { return false }
            present.append((profile, level))
        }
        guard bits.skip(2 * (8 - subLayers)) != nil else { return false }
        for layer in present {
            guard bits.skip((layer.profile ? 88 : 0) + (layer.level ? 8 : 0)) != nil else { return false }
        }
        return true
    }
}
