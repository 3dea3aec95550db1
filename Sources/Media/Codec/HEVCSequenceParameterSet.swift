/// What the packager needs of an HEVC sequence parameter set (H.265, 7.3.2.2 and annex E).
struct HEVCSequenceParameterSet {
    private(set) var videoSet: UInt32 = 0
    private(set) var id: UInt32 = 0
    /// Profile, tier, compatibility, constraints and level: 12 bytes as a configuration record has them.
    private(set) var profile: [UInt8] = []
    /// Layers in time.
    private(set) var temporalLayers: UInt32 = 1
    private(set) var isNested = false
    private(set) var chroma: UInt32 = 1
    private(set) var lumaDepth: UInt32 = 8
    private(set) var chromaDepth: UInt32 = 8
    /// Pixels after cropping.
    private(set) var width = 0
    private(set) var height = 0
    private(set) var pixelAspect: PixelAspect?
    private(set) var colour: ColourDescription?

    init?(nalUnit: some Sequence<UInt8>) {
        var bits = BitReader(nalUnit: nalUnit)
        guard bits.skip(16) != nil, let videoSet = bits.read(4), let layers = bits.read(3), let isNested = bits.flag(),
            readProfile(&bits, layers: Int(layers)), let id = bits.unsigned(), id < 16
        else { return nil }
        (self.videoSet, self.id, temporalLayers, self.isNested) = (videoSet, id, layers + 1, isNested)
        guard readSize(&bits), let luma = bits.unsigned(), luma <= 8, let chroma = bits.unsigned(), chroma <= 8 else {
            return nil
        }
        (lumaDepth, chromaDepth) = (luma + 8, chroma + 8)
        // From here on it only refines what is known.
        if Self.skipToUsability(&bits, layers: layers) { readUsability(&bits) }
    }

    private mutating func readProfile(_ bits: inout BitReader, layers: Int) -> Bool {
        for _ in 0..<12 {
            guard let byte = bits.read(8) else { return false }
            profile.append(UInt8(truncatingIfNeeded: byte))
        }
        return HEVCParameterSets.skipSubLayers(&bits, count: layers)
    }

    /// Size in pixels after cropping.
    private mutating func readSize(_ bits: inout BitReader) -> Bool {
        guard let chroma = bits.unsigned(), chroma <= 3 else { return false }
        self.chroma = chroma
        if chroma == 3 { guard bits.skip(1) != nil else { return false } }
        guard let width = bits.unsigned(), let height = bits.unsigned(), let isCropped = bits.flag(),
            width > 0, height > 0, width <= 16_384, height <= 16_384
        else { return false }
        (self.width, self.height) = (Int(width), Int(height))
        guard isCropped else { return true }
        guard let left = bits.unsigned(), let right = bits.unsigned(), let top = bits.unsigned(),
            let bottom = bits.unsigned()
        else { return false }
        self.width -= (chroma == 1 || chroma == 2 ? 2 : 1) * (Int(left) + Int(right))
        self.height -= (chroma == 1 ? 2 : 1) * (Int(top) + Int(bottom))
        return self.width > 0 && self.height > 0
    }

    /// Passes over what stands between the bit depths and the usability information. False where there is none.
    private static func skipToUsability(_ bits: inout BitReader, layers: UInt32) -> Bool {
        guard let orderBits = bits.unsigned(), orderBits <= 12, let hasOrdering = bits.flag() else { return false }
        for _ in (hasOrdering ? 0 : layers)...layers {
            for _ in 0..<3 where bits.unsigned() == nil { return false }
        }
        // Block sizes and depths of the transform tree.
        for _ in 0..<6 where bits.unsigned() == nil { return false }
        guard let hasScaling = bits.flag() else { return false }
        if hasScaling {
            guard let isListed = bits.flag() else { return false }
            if isListed { guard skipScalingLists(&bits) else { return false } }
        }
        guard bits.skip(2) != nil, let hasPCM = bits.flag() else { return false }
        if hasPCM {
            guard bits.skip(8) != nil, bits.unsigned() != nil, bits.unsigned() != nil, bits.skip(1) != nil else {
                return false
            }
        }
        guard skipReferenceSets(&bits), let hasLongTerm = bits.flag() else { return false }
        if hasLongTerm {
            guard let count = bits.unsigned(), count <= 32, bits.skip(Int(count) * (Int(orderBits) + 4 + 1)) != nil
            else {
                return false
            }
        }
        return bits.skip(2) != nil && bits.flag() == true
    }

    /// H.265, 7.3.4.
    private static func skipScalingLists(_ bits: inout BitReader) -> Bool {
        for size in 0..<4 {
            for _ in stride(from: 0, to: 6, by: size == 3 ? 3 : 1) {
                guard let isWritten = bits.flag() else { return false }
                if !isWritten {
                    guard bits.unsigned() != nil else { return false }
                    continue
                }
                if size > 1 { guard bits.signed() != nil else { return false } }
                for _ in 0..<min(64, 1 << (4 + (size << 1))) where bits.signed() == nil { return false }
            }
        }
        return true
    }

    /// Short-term reference picture sets (H.265, 7.3.7).
    private static func skipReferenceSets(_ bits: inout BitReader) -> Bool {
        guard let count = bits.unsigned(), count <= 64 else { return false }
        var pictures = 0
        for index in 0..<count {
            guard let isPredicted = index == 0 ? false : bits.flag() else { return false }
            if isPredicted {
                guard bits.skip(1) != nil, bits.unsigned() != nil else { return false }
                var kept = 0
                for _ in 0...pictures {
                    guard let isUsed = bits.flag() else { return false }
                    if isUsed {
                        kept += 1
                    } else {
                        guard let isKept = bits.flag() else { return false }
                        kept += isKept ? 1 : 0
                    }
                }
                pictures = kept
            } else {
                guard let before = bits.unsigned(), let after = bits.unsigned(), before <= 16, after <= 16 else {
                    return false
                }
                pictures = Int(before + after)
                for _ in 0..<pictures where bits.unsigned() == nil || bits.flag() == nil { return false }
            }
        }
        return true
    }

    private mutating func readUsability(_ bits: inout BitReader) {
        guard let hasAspect = bits.flag() else { return }
        if hasAspect {
            guard let aspect = PixelAspect.read(&bits) else { return }
            if !aspect.isSquare { pixelAspect = aspect }
        }
        guard let hasOverscan = bits.flag() else { return }
        if hasOverscan { guard bits.skip(1) != nil else { return } }
        guard bits.flag() == true, bits.skip(3) != nil, let isFullRange = bits.flag(), bits.flag() == true else {
            return
        }
        colour = ColourDescription(&bits, isFullRange: isFullRange)
    }
}
