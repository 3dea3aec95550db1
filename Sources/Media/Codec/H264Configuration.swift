/// An AVCDecoderConfigurationRecord (ISO 14496-15, 5.3.3) and what its sequence parameter set says.
package struct H264Configuration: Sendable, Equatable {
    let record: [UInt8]
    let nalLengthSize: Int
    let format: TrackFormat
    let frameDuration: FrameDuration?
    let pixelAspect: (width: UInt32, height: UInt32)?
    let codedSize: (width: Int, height: Int)

    init(_ record: [UInt8]) throws(MediaError) {
        guard record.count >= 7 else { throw .truncatedConfiguration(codec: "H.264") }
        guard record[0] == 1 else {
            throw .invalidConfiguration(codec: "H.264", reason: "its version is \(record[0]), not 1")
        }
        let setCount = Int(record[5] & 31)
        guard setCount > 0 else { throw .invalidConfiguration(codec: "H.264", reason: "it holds no parameter set") }
        guard record.count >= 8 else { throw .truncatedConfiguration(codec: "H.264") }
        let length = Int(record[6]) << 8 | Int(record[7])
        guard length >= 4, record.count >= 8 + length else { throw .truncatedConfiguration(codec: "H.264") }
        guard let set = H264SequenceParameterSet(nalUnit: record[8..<8 + length]) else {
            throw .invalidConfiguration(codec: "H.264", reason: "its sequence parameter set is malformed")
        }
        self.record = record
        nalLengthSize = Int(record[4] & 3) + 1
        frameDuration = set.frameDuration
        pixelAspect = set.pixelAspect
        codedSize = (set.width, set.height)
        format = TrackFormat(
            codecs: "avc1." + record[1...3].hexadecimal(), width: set.displayWidth, height: set.height,
            frameRate: set.frameDuration?.rate)
    }

    package static func == (a: Self, b: Self) -> Bool { a.record == b.record }
}

/// What the packager needs of an H.264 sequence parameter set (H.264, 7.3.2.1.1 and annex E).
struct H264SequenceParameterSet {
    private(set) var width = 0
    private(set) var height = 0
    private(set) var pixelAspect: (width: UInt32, height: UInt32)?
    private(set) var frameDuration: FrameDuration?

    var displayWidth: Int {
        guard let pixelAspect, pixelAspect.height > 0 else { return width }
        return Int((Double(width) * Double(pixelAspect.width) / Double(pixelAspect.height)).rounded())
    }

    init?(nalUnit: some Sequence<UInt8>) {
        var bits = BitReader(nalUnit: nalUnit)
        guard bits.skip(8) != nil, let profile = bits.read(8), bits.skip(16) != nil, bits.unsigned() != nil else {
            return nil
        }
        var chroma: UInt32 = 1
        if [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135].contains(profile) {
            guard let format = Self.readHighProfile(&bits) else { return nil }
            chroma = format
        }
        guard bits.unsigned() != nil, let orderType = bits.unsigned() else { return nil }
        if orderType == 0 {
            guard bits.unsigned() != nil else { return nil }
        } else if orderType == 1 {
            guard bits.skip(1) != nil, bits.signed() != nil, bits.signed() != nil, let cycle = bits.unsigned(),
                cycle <= 255
            else { return nil }
            for _ in 0..<cycle where bits.signed() == nil { return nil }
        }
        guard bits.unsigned() != nil, bits.skip(1) != nil, let columns = bits.unsigned(), let rows = bits.unsigned(),
            let framesOnly = bits.flag(), columns < 4_096, rows < 4_096
        else { return nil }
        if !framesOnly { guard bits.skip(1) != nil else { return nil } }
        guard bits.skip(1) != nil, let isCropped = bits.flag() else { return nil }
        var crop: (Int, Int) = (0, 0)
        if isCropped {
            guard let left = bits.unsigned(), let right = bits.unsigned(), let top = bits.unsigned(),
                let bottom = bits.unsigned()
            else { return nil }
            let unitX = chroma == 1 || chroma == 2 ? 2 : 1
            let unitY = (chroma == 1 ? 2 : 1) * (framesOnly ? 1 : 2)
            crop = (unitX * (Int(left) + Int(right)), unitY * (Int(top) + Int(bottom)))
        }
        width = (Int(columns) + 1) * 16 - crop.0
        height = (Int(rows) + 1) * 16 * (framesOnly ? 1 : 2) - crop.1
        guard width > 0, height > 0 else { return nil }
        if bits.flag() == true { readUsability(&bits) }
    }

    private static func readHighProfile(_ bits: inout BitReader) -> UInt32? {
        guard let chroma = bits.unsigned(), chroma <= 3 else { return nil }
        if chroma == 3 { guard bits.skip(1) != nil else { return nil } }
        guard bits.unsigned() != nil, bits.unsigned() != nil, bits.skip(1) != nil, let hasScaling = bits.flag() else {
            return nil
        }
        guard hasScaling else { return chroma }
        for list in 0..<(chroma == 3 ? 12 : 8) {
            guard let isPresent = bits.flag() else { return nil }
            if isPresent { guard skipScalingList(&bits, count: list < 6 ? 16 : 64) else { return nil } }
        }
        return chroma
    }

    private static func skipScalingList(_ bits: inout BitReader, count: Int) -> Bool {
        var last: Int32 = 8
        var next: Int32 = 8
        for _ in 0..<count {
            if next != 0 {
                guard let delta = bits.signed() else { return false }
                next = (last &+ delta &+ 256) & 255
            }
            if next != 0 { last = next }
        }
        return true
    }

    /// The video usability information, as far as it can be read: it only refines what is known.
    private mutating func readUsability(_ bits: inout BitReader) {
        guard let hasAspect = bits.flag() else { return }
        if hasAspect {
            guard let code = bits.read(8) else { return }
            if code == 255 {
                guard let horizontal = bits.read(16), let vertical = bits.read(16) else { return }
                if horizontal > 0 && vertical > 0 { pixelAspect = (horizontal, vertical) }
            } else if let known = Self.aspects[code] {
                pixelAspect = known
            }
        }
        guard let hasOverscan = bits.flag() else { return }
        if hasOverscan { guard bits.skip(1) != nil else { return } }
        guard let hasSignal = bits.flag() else { return }
        if hasSignal {
            guard bits.skip(4) != nil, let hasColour = bits.flag() else { return }
            if hasColour { guard bits.skip(24) != nil else { return } }
        }
        guard let hasChromaLocation = bits.flag() else { return }
        if hasChromaLocation { guard bits.unsigned() != nil, bits.unsigned() != nil else { return } }
        guard bits.flag() == true, let units = bits.read(32), let scale = bits.read(32) else { return }
        // A tick is a field: two make a frame (E.2.1).
        frameDuration = FrameDuration(rateNumerator: Int64(scale), rateDenominator: Int64(units) * 2)
    }

    private static let aspects: [UInt32: (width: UInt32, height: UInt32)] = [
        2: (12, 11), 3: (10, 11), 4: (16, 11), 5: (40, 33), 6: (24, 11), 7: (20, 11), 8: (32, 11), 9: (80, 33),
        10: (18, 11), 11: (15, 11), 12: (64, 33), 13: (160, 99), 14: (4, 3), 15: (3, 2), 16: (2, 1),
    ]
}
