/// An HEVCDecoderConfigurationRecord (ISO 14496-15, 8.3.3) and the picture size of its sequence parameter set.
package struct HEVCConfiguration: Sendable, Equatable {
    let record: [UInt8]
    let nalLengthSize: Int
    let format: TrackFormat
    let frameDuration: FrameDuration?

    init(_ record: [UInt8]) throws(MediaError) {
        guard record.count >= 23 else { throw .truncatedConfiguration(codec: "HEVC") }
        var size: (width: Int, height: Int)?
        var rate: FrameDuration?
        var offset = 23
        for _ in 0..<record[22] {
            guard record.count >= offset + 3 else { throw .truncatedConfiguration(codec: "HEVC") }
            let type = record[offset] & 63
            let count = Int(record[offset + 1]) << 8 | Int(record[offset + 2])
            offset += 3
            for _ in 0..<count {
                guard record.count >= offset + 2 else { throw .truncatedConfiguration(codec: "HEVC") }
                let length = Int(record[offset]) << 8 | Int(record[offset + 1])
                offset += 2
                guard record.count >= offset + length else { throw .truncatedConfiguration(codec: "HEVC") }
                let unit = record[offset..<offset + length]
                offset += length
                if type == 33 && size == nil { size = HEVCParameterSets.pictureSize(sequenceSet: unit) }
                if type == 32 && rate == nil { rate = HEVCParameterSets.frameDuration(videoSet: unit) }
            }
        }
        guard let size else {
            throw .invalidConfiguration(codec: "HEVC", reason: "it holds no readable sequence parameter set")
        }
        self.record = record
        nalLengthSize = Int(record[21] & 3) + 1
        frameDuration = rate
        format = TrackFormat(
            codecs: Self.codecs(record), width: size.width, height: size.height, frameRate: rate?.rate)
    }

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

/// The few fields of HEVC's parameter sets that the packager needs.
enum HEVCParameterSets {
    /// Size in pixels after cropping (H.265, 7.3.2.2).
    static func pictureSize(sequenceSet: some Sequence<UInt8>) -> (width: Int, height: Int)? {
        var bits = BitReader(nalUnit: sequenceSet)
        guard bits.skip(16 + 4) != nil, let subLayers = bits.read(3), bits.skip(1) != nil,
            skipProfileTierLevel(&bits, subLayers: Int(subLayers)), bits.unsigned() != nil,
            let chroma = bits.unsigned(), chroma <= 3
        else { return nil }
        if chroma == 3 { guard bits.skip(1) != nil else { return nil } }
        guard let width = bits.unsigned(), let height = bits.unsigned(), let isCropped = bits.flag(),
            width > 0, height > 0, width <= 16_384, height <= 16_384
        else { return nil }
        guard isCropped else { return (Int(width), Int(height)) }
        guard let left = bits.unsigned(), let right = bits.unsigned(), let top = bits.unsigned(),
            let bottom = bits.unsigned()
        else { return nil }
        let unitX = chroma == 1 || chroma == 2 ? 2 : 1
        let unitY = chroma == 1 ? 2 : 1
        let cropped = (
            width: Int(width) - unitX * (Int(left) + Int(right)), height: Int(height) - unitY * (Int(top) + Int(bottom))
        )
        return cropped.width > 0 && cropped.height > 0 ? cropped : nil
    }

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
        guard bits.skip(88 + 8) != nil else { return false }
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
