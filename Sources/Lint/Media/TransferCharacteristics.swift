import struct NIOCore.ByteBuffer

/// How pictures map light to numbers: TransferCharacteristics of ISO 23091-2, as parameter sets tell them. 2 means unspecified.
enum TransferCharacteristics {
    /// VIDEO-RANGE of video that is encoded with them (4.4.6.2); nil where the draft says nothing of it.
    static func range(of code: Int) -> String? {
        switch code {
        case 1, 6, 13, 14, 15: "SDR"
        case 16: "PQ"
        case 18: "HLG"
        default: nil
        }
    }

    // MARK: H.264

    /// From a sequence parameter set (H.264, 7.3.2.1.1 and E.1.1).
    static func h264(_ unit: ByteBuffer) -> Int? {
        var bits = BitSource(nalUnit: unit)
        guard bits.pass(8), let profile = bits.bits(8), bits.pass(16), bits.passGolomb() else { return nil }
        if [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135].contains(profile) {
            guard let chroma = bits.golomb(), chroma != 3 || bits.pass(1), bits.passGolomb(2), bits.pass(1),
                let hasLists = bits.flag()
            else { return nil }
            for list in 0..<(hasLists ? chroma == 3 ? 12 : 8 : 0) {
                guard let isThere = bits.flag() else { return nil }
                if isThere, !passList(&bits, count: list < 6 ? 16 : 64) { return nil }
            }
        }
        guard bits.passGolomb(), let order = bits.golomb() else { return nil }
        if order == 0, !bits.passGolomb() { return nil }
        if order == 1 {
            guard bits.pass(1), bits.passGolomb(2), let cycle = bits.golomb(), cycle <= 255, bits.passGolomb(cycle)
            else {
                return nil
            }
        }
        guard bits.passGolomb(), bits.pass(1), bits.passGolomb(2), let isFramesOnly = bits.flag(),
            isFramesOnly || bits.pass(1), bits.pass(1), let isCropped = bits.flag(), !isCropped || bits.passGolomb(4),
            bits.flag() == true
        else { return nil }
        return usability(&bits)
    }

    private static func passList(_ bits: inout BitSource, count: Int) -> Bool {
        var (last, next) = (8, 8)
        for _ in 0..<count {
            if next != 0 {
                guard let code = bits.golomb() else { return false }
                let delta = code % 2 == 1 ? (code + 1) / 2 : -code / 2
                next = (last + delta + 256) & 255
            }
            if next != 0 { last = next }
        }
        return true
    }

    /// The beginning of the video usability information, the same in H.264 and H.265.
    private static func usability(_ bits: inout BitSource) -> Int? {
        guard let hasAspect = bits.flag() else { return nil }
        if hasAspect {
            guard let code = bits.bits(8), code != 255 || bits.pass(32) else { return nil }
        }
        guard let hasOverscan = bits.flag(), !hasOverscan || bits.pass(1), bits.flag() == true, bits.pass(4),
            bits.flag() == true, bits.pass(8)
        else { return nil }
        return bits.bits(8).map { Int($0) }
    }

    // MARK: H.265

    /// From a sequence parameter set (H.265, 7.3.2.2 and E.2.1).
    static func hevc(_ unit: ByteBuffer) -> Int? {
        var bits = BitSource(nalUnit: unit)
        guard bits.pass(20), let layers = bits.bits(3), bits.pass(1), passProfile(&bits, layers: Int(layers)),
            bits.passGolomb(), let chroma = bits.golomb(), chroma != 3 || bits.pass(1), bits.passGolomb(2),
            let isCropped = bits.flag(), !isCropped || bits.passGolomb(4), bits.passGolomb(2),
            let orderBits = bits.golomb(), orderBits <= 12, let hasOrder = bits.flag()
        else { return nil }
        guard bits.passGolomb(3 * (hasOrder ? Int(layers) + 1 : 1)), bits.passGolomb(6), let hasLists = bits.flag()
        else {
            return nil
        }
        if hasLists {
            guard let areThere = bits.flag(), !areThere || passLists(&bits) else { return nil }
        }
        guard bits.pass(2), let hasPCM = bits.flag(), !hasPCM || bits.pass(8) && bits.passGolomb(2) && bits.pass(1),
            passReferences(&bits), let hasLong = bits.flag()
        else { return nil }
        if hasLong {
            guard let count = bits.golomb(), count <= 32, bits.pass(count * (orderBits + 4 + 1)) else { return nil }
        }
        guard bits.pass(2), bits.flag() == true else { return nil }
        return usability(&bits)
    }

    private static func passProfile(_ bits: inout BitSource, layers: Int) -> Bool {
        guard bits.pass(96) else { return false }
        guard layers > 0 else { return true }
        var more = 0
        for _ in 0..<layers {
            guard let profile = bits.flag(), let level = bits.flag() else { return false }
            more += (profile ? 88 : 0) + (level ? 8 : 0)
        }
        return bits.pass(2 * (8 - layers) + more)
    }

    private static func passLists(_ bits: inout BitSource) -> Bool {
        for size in 0..<4 {
            for _ in stride(from: 0, to: 6, by: size == 3 ? 3 : 1) {
                guard let isCoded = bits.flag() else { return false }
                let codes = isCoded ? min(64, 1 << (4 + size * 2)) + (size > 1 ? 1 : 0) : 1
                guard bits.passGolomb(codes) else { return false }
            }
        }
        return true
    }

    /// Short-term reference picture sets (7.3.7).
    private static func passReferences(_ bits: inout BitSource) -> Bool {
        guard let sets = bits.golomb(), sets <= 64 else { return false }
        var counts: [Int] = []
        for index in 0..<sets {
            if index > 0, let isPredicted = bits.flag(), isPredicted {
                guard bits.pass(1), bits.passGolomb() else { return false }
                var count = 0
                for _ in 0...(counts.last ?? 0) {
                    guard let isUsed = bits.flag() else { return false }
                    if isUsed {
                        count += 1
                    } else {
                        guard let isKept = bits.flag() else { return false }
                        count += isKept ? 1 : 0
                    }
                }
                counts.append(count)
            } else {
                guard let before = bits.golomb(), let after = bits.golomb(), before <= 16, after <= 16 else {
                    return false
                }
                for _ in 0..<before + after where !bits.passGolomb() || !bits.pass(1) { return false }
                counts.append(before + after)
            }
        }
        return true
    }

    // MARK: AV1

    /// From a sequence header OBU's payload (AV1, 5.5).
    static func av1(_ header: ByteBuffer) -> Int? {
        var bits = BitSource(header)
        guard let profile = bits.bits(3), bits.pass(1), let isReduced = bits.flag() else { return nil }
        if isReduced {
            guard bits.pass(5) else { return nil }
        } else if !passOperatingPoints(&bits) {
            return nil
        }
        guard let across = bits.bits(4), let down = bits.bits(4), bits.pass(Int(across + down) + 2) else { return nil }
        if !isReduced {
            guard let hasNumbers = bits.flag(), !hasNumbers || bits.pass(7) else { return nil }
        }
        guard bits.pass(3) else { return nil }
        if !isReduced, !passTools(&bits) { return nil }
        guard bits.pass(3), let isHigh = bits.flag(), profile != 2 || !isHigh || bits.pass(1) else { return nil }
        guard profile == 1 || bits.pass(1), bits.flag() == true, bits.pass(8) else { return nil }
        return bits.bits(8).map { Int($0) }
    }

    private static func passOperatingPoints(_ bits: inout BitSource) -> Bool {
        guard let hasTiming = bits.flag() else { return false }
        var delayBits = 0
        var hasModel = false
        if hasTiming {
            guard bits.pass(64), let isEven = bits.flag(), !isEven || bits.passGolomb(), let model = bits.flag() else {
                return false
            }
            hasModel = model
            if hasModel {
                guard let length = bits.bits(5), bits.pass(42) else { return false }
                delayBits = Int(length) + 1
            }
        }
        guard let hasDelays = bits.flag(), let points = bits.bits(5) else { return false }
        for _ in 0...points {
            guard bits.pass(12), let level = bits.bits(5), level <= 7 || bits.pass(1) else { return false }
            if hasModel {
                guard let isThere = bits.flag(), !isThere || bits.pass(2 * delayBits + 1) else { return false }
            }
            if hasDelays {
                guard let isThere = bits.flag(), !isThere || bits.pass(4) else { return false }
            }
        }
        return true
    }

    private static func passTools(_ bits: inout BitSource) -> Bool {
        guard bits.pass(4), let hasOrder = bits.flag(), !hasOrder || bits.pass(2), let choosesContent = bits.flag()
        else {
            return false
        }
        var isForced = true
        if !choosesContent {
            guard let value = bits.flag() else { return false }
            isForced = value
        }
        if isForced {
            guard let choosesVectors = bits.flag(), choosesVectors || bits.pass(1) else { return false }
        }
        return !hasOrder || bits.pass(3)
    }
}
