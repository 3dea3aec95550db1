import struct NIOCore.ByteBuffer

/// An AAC track's AudioSpecificConfig (ISO 14496-3, 1.6.2.1).
struct AudioSpecificConfig: Equatable {
    /// The audio object type by which CODECS names it: 2 for AAC-LC, 5 for HE-AAC, 29 for HE-AAC v2, however they are signalled.
    private(set) var objectType: Int
    /// As heard: parametric stereo makes two of one. Nil where a program config element tells.
    private(set) var channels: Int?

    init?(_ bytes: ByteBuffer) {
        var bits = BitSource(bytes)
        guard let signalled = Self.objectType(&bits), Self.passFrequency(&bits), let layout = bits.bits(4) else {
            return nil
        }
        var core = signalled
        if signalled == 5 || signalled == 29 {
            // Explicit and hierarchical: the rate that is heard and the core's own type follow.
            guard Self.passFrequency(&bits), let inner = Self.objectType(&bits) else { return nil }
            core = inner
        }
        objectType = signalled
        let counts: [UInt64: Int] = [1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6, 7: 8, 11: 7, 12: 8, 14: 8]
        channels = counts[layout]
        if layout != 0, channels == nil { return nil }
        if [1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23].contains(core) {
            // GASpecificConfig (4.4.1): frameLengthFlag, dependsOnCoreCoder, extensionFlag.
            guard bits.pass(1), let dependsOnCore = bits.flag(), !dependsOnCore || bits.pass(14), bits.pass(1) else {
                return nil
            }
            if layout != 0 { readExtension(&bits) }
        }
        if objectType == 29 { channels = 2 }
    }

    /// Backward compatible signalling: behind what old decoders read (1.6.6.1).
    private mutating func readExtension(_ bits: inout BitSource) {
        guard objectType != 5, objectType != 29, bits.bits(11) == 0x2b7, Self.objectType(&bits) == 5,
            bits.flag() == true
        else { return }
        objectType = 5
        guard Self.passFrequency(&bits), bits.bits(11) == 0x548, bits.flag() == true else { return }
        objectType = 29
    }

    private static func objectType(_ bits: inout BitSource) -> Int? {
        guard let type = bits.bits(5) else { return nil }
        return type == 31 ? bits.bits(6).map { Int($0) + 32 } : Int(type)
    }

    private static func passFrequency(_ bits: inout BitSource) -> Bool {
        guard let index = bits.bits(4) else { return false }
        return index == 15 ? bits.pass(24) : index < 13
    }
}
