/// How the numbers of a picture stand for light (ISO 23091-2, as H.264, HEVC and AV1 carry it).
package struct ColourDescription: Sendable, Equatable, Codable {
    package let primaries: UInt8
    package let transfer: UInt8
    package let matrix: UInt8
    package let isFullRange: Bool

    package init(primaries: UInt8, transfer: UInt8, matrix: UInt8, isFullRange: Bool) {
        self.primaries = primaries
        self.transfer = transfer
        self.matrix = matrix
        self.isFullRange = isFullRange
    }

    /// Reads 24 bits of primaries, transfer characteristics and matrix coefficients; nil where fewer are left.
    init?(_ bits: inout BitReader, isFullRange: Bool = false) {
        guard let primaries = bits.read(8), let transfer = bits.read(8), let matrix = bits.read(8) else { return nil }
        self.init(
            primaries: UInt8(truncatingIfNeeded: primaries), transfer: UInt8(truncatingIfNeeded: transfer),
            matrix: UInt8(truncatingIfNeeded: matrix), isFullRange: isFullRange)
    }

    /// What the transfer characteristics make of it (RFC 8216bis, 4.4.6.2); nil where they name neither.
    package var range: VideoRange? {
        switch transfer {
        case 1, 6, 13, 14, 15: .sdr
        case 16: .pq
        case 18: .hlg
        default: nil
        }
    }
}

/// VIDEO-RANGE of a variant (RFC 8216bis, 4.4.6.2).
package enum VideoRange: String, Sendable, Codable {
    case sdr = "SDR"
    case hlg = "HLG"
    case pq = "PQ"
}

/// The shape of a picture's pixels: width to height.
struct PixelAspect: Sendable, Equatable {
    let width: UInt32
    let height: UInt32

    /// Reads aspect_ratio_idc and what follows it (H.264, E.1.1; HEVC, E.2.1). Nil where fewer bits are left; a square
    /// where nothing useful is said.
    static func read(_ bits: inout BitReader) -> PixelAspect? {
        guard let code = bits.read(8) else { return nil }
        guard code == 255 else { return known[code] ?? PixelAspect(width: 1, height: 1) }
        guard let width = bits.read(16), let height = bits.read(16) else { return nil }
        return width > 0 && height > 0
            ? PixelAspect(width: width, height: height) : PixelAspect(width: 1, height: 1)
    }

    var isSquare: Bool { width == height }

    /// How wide so many pixels are shown, in square ones.
    func shown(_ pixels: Int) -> Int { Int((Double(pixels) * Double(width) / Double(height)).rounded()) }

    private static let known: [UInt32: PixelAspect] = Dictionary(
        uniqueKeysWithValues: [
            (2, 12, 11), (3, 10, 11), (4, 16, 11), (5, 40, 33), (6, 24, 11), (7, 20, 11), (8, 32, 11), (9, 80, 33),
            (10, 18, 11), (11, 15, 11), (12, 64, 33), (13, 160, 99), (14, 4, 3), (15, 3, 2), (16, 2, 1),
        ].map { (UInt32($0.0), PixelAspect(width: UInt32($0.1), height: UInt32($0.2))) })
}
