import NIOCore

/// What one access unit of H.264 or HEVC holds, found in one pass over its NAL units' first bytes.
struct AccessUnit {
    /// How its units are told apart.
    enum Framing: Equatable {
        /// Each behind its length.
        case lengths
        /// Each behind a start code (annex B), though it should be behind its length.
        case byteStream
        /// A length goes beyond the frame: what follows it is lost.
        case broken
    }

    private(set) var framing = Framing.lengths
    /// It holds a slice: something to be shown.
    private(set) var hasPicture = false
    /// It holds sequence, picture or video parameter sets.
    private(set) var hasParameterSets = false
    /// It holds CEA-608 or 708 captions (ATSC A/53 part 4, 6.2.3).
    private(set) var hasCaptions = false
    /// Units of no use to a decoder are among it: empty ones, filler data.
    private(set) var hasWaste = false
    /// The picture parameter set of its first slice.
    private(set) var pictureSetID: UInt32?

    private var hasIDR = false
    private var hasCRA = false
    private var recoveryFrames: UInt32?
    private var isIntra = false
    private var codec: VideoCodec

    /// - Parameter lengthSize: bytes of a unit's length, 1 to 4.
    init(_ frame: UnsafeRawBufferPointer, codec: VideoCodec, lengthSize: Int) {
        self.codec = codec
        var count = 0
        let isWhole = NALUnits.visit(lengthsOf: frame, size: lengthSize) {
            count += 1
            note($0, of: frame)
        }
        if isWhole { return }
        // Three bytes of a start code may be a length as well: one that fits is taken for that.
        if NALUnits.beginsWithStartCode(frame), count == 0 || frame[2] == 0 {
            self = AccessUnit(byteStream: frame, codec: codec)
        } else {
            framing = .broken
        }
    }

    private init(byteStream frame: UnsafeRawBufferPointer, codec: VideoCodec) {
        self.codec = codec
        framing = .byteStream
        NALUnits.visit(byteStream: frame) { note($0, of: frame) }
    }

    /// Where decoding can start.
    var access: RandomAccess {
        if hasIDR { return .closed }
        if hasCRA { return .open }
        guard let recoveryFrames else { return .none }
        // A decoder of HEVC starts at intra random access pictures alone (HEVC, 8.1.3).
        return recoveryFrames == 0 && isIntra && codec == .h264 ? .open : .gradual(frames: Int(recoveryFrames))
    }

    /// It cannot be stored as it is.
    var mustRewrite: Bool { framing != .lengths || hasWaste }

    private mutating func note(_ range: Range<Int>, of frame: UnsafeRawBufferPointer) {
        guard let kind = NALKind(frame, range, codec) else { return hasWaste = true }
        switch kind {
        case .filler: hasWaste = true
        case .parameterSet: hasParameterSets = true
        case .information: readInformation(PayloadWalk(frame, range.dropFirst(codec == .h264 ? 1 : 2)))
        case .slice(let isIDR, let isCRA):
            if !hasPicture {
                readSlice(PayloadWalk(frame, range.dropFirst(codec == .h264 ? 1 : 2)), frame[range.lowerBound])
            }
            hasPicture = true
            hasIDR = hasIDR || isIDR
            hasCRA = hasCRA || isCRA
        case .other: break
        }
    }

    /// The beginning of a slice header (H.264, 7.3.3; HEVC, 7.3.6.1).
    private mutating func readSlice(_ walk: PayloadWalk, _ head: UInt8) {
        var walk = walk
        if codec == .h264 {
            guard walk.unsigned() != nil, let type = walk.unsigned() else { return }
            isIntra = [2, 4, 7, 9].contains(type)
        } else {
            guard walk.flag() == true else { return }
            if (16...23).contains(head >> 1 & 63) { guard walk.skip(bits: 1) != nil else { return } }
        }
        pictureSetID = walk.unsigned()
    }

    /// Supplemental enhancement information (H.264, 7.3.2.3; HEVC, 7.3.5): recovery points and captions.
    private mutating func readInformation(_ walk: PayloadWalk) {
        var walk = walk
        for _ in 0..<64 {
            guard let type = Self.readCount(&walk), let size = Self.readCount(&walk), size > 0 else { return }
            switch type {
            case 6:
                var inner = walk
                // HEVC counts pictures, and may count backwards: 1 and 2 stand for 1 and -1 then.
                if let count = inner.unsigned() { recoveryFrames = codec == .h264 ? count : (count + 1) / 2 }
            case 4: if Self.isCaption(walk, size: size) { hasCaptions = true }
            default: break
            }
            for _ in 0..<size where walk.byte() == nil { return }
        }
    }

    private static func readCount(_ walk: inout PayloadWalk) -> Int? {
        var count = 0
        while let byte = walk.byte() {
            count += Int(byte)
            if byte != 255 { return count }
        }
        return nil
    }

    /// Country USA, provider ATSC, "GA94", and caption data (3).
    private static func isCaption(_ walk: PayloadWalk, size: Int) -> Bool {
        var walk = walk
        let words: [UInt8] = [0xb5, 0x00, 0x31, 0x47, 0x41, 0x39, 0x34, 0x03]
        guard size > words.count else { return false }
        return words.allSatisfy { walk.byte() == $0 }
    }
}

/// What a NAL unit is to a packager.
private enum NALKind {
    case slice(isIDR: Bool, isCRA: Bool)
    case parameterSet, information, filler, other

    /// Nil for an empty unit, and for one that is shorter than its head.
    init?(_ frame: UnsafeRawBufferPointer, _ range: Range<Int>, _ codec: VideoCodec) {
        guard range.count >= (codec == .h264 ? 1 : 2) else { return nil }
        let head = frame[range.lowerBound]
        if codec == .h264 {
            switch head & 31 {
            case 1...5: self = .slice(isIDR: head & 31 == 5, isCRA: false)
            case 6: self = .information
            case 7, 8, 13: self = .parameterSet
            case 0, 12: self = .filler
            default: self = .other
            }
        } else {
            switch head >> 1 & 63 {
            // A decoder leaves out what it cannot decode after a BLA picture, wherever it started (HEVC, 8.1.3).
            case let type where type <= 31: self = .slice(isIDR: (16...20).contains(type), isCRA: type == 21)
            case 32...34: self = .parameterSet
            case 38: self = .filler
            case 39, 40: self = .information
            default: self = .other
            }
        }
    }
}

extension AccessUnit {
    /// The bytes to be stored: each unit behind its length, filler and empty units left out. Nil where a unit is too long
    /// for its length.
    static func rewrite(
        _ frame: ByteBuffer, codec: VideoCodec, lengthSize: Int, framing: Framing
    ) -> ByteBuffer? {
        var result = ByteBuffer()
        result.reserveCapacity(frame.readableBytes + 64)
        var isWhole = true
        let append = { (range: Range<Int>, raw: UnsafeRawBufferPointer) in
            switch NALKind(raw, range, codec) {
            case nil, .filler: return
            default: break
            }
            guard lengthSize >= 4 || range.count >> (8 * lengthSize) == 0 else { return isWhole = false }
            for shift in (0..<lengthSize).reversed() {
                result.writeInteger(UInt8(truncatingIfNeeded: range.count >> (8 * shift)))
            }
            result.writeBytes(UnsafeRawBufferPointer(rebasing: raw[range]))
        }
        frame.withUnsafeReadableBytes { raw in
            if framing == .byteStream {
                NALUnits.visit(byteStream: raw) { append($0, raw) }
            } else {
                _ = NALUnits.visit(lengthsOf: raw, size: lengthSize) { append($0, raw) }
            }
        }
        return isWhole ? result : nil
    }

    /// The parameter sets among it, copied.
    static func parameterSets(
        of frame: UnsafeRawBufferPointer, codec: VideoCodec, lengthSize: Int, framing: Framing
    ) -> [[UInt8]] {
        var sets: [[UInt8]] = []
        let take = { (range: Range<Int>) in
            if case .parameterSet? = NALKind(frame, range, codec), sets.count < ParameterSets.mostUnits {
                sets.append(Array(frame[range]))
            }
        }
        if framing == .byteStream {
            NALUnits.visit(byteStream: frame, take)
        } else {
            _ = NALUnits.visit(lengthsOf: frame, size: lengthSize, take)
        }
        return sets
    }
}
