/// An AVCDecoderConfigurationRecord (ISO 14496-15, 5.3.3) and what its sequence parameter set says.
package struct H264Configuration: Sendable, Equatable {
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
            self = try H264Configuration(
                ParameterSets(codec: .h264, NALUnits.units(ofByteStream: record)), nalLengthSize: 4)
            return
        }
        guard record.count >= 7 else { throw .truncatedConfiguration(codec: "H.264") }
        guard record[0] == 1 else {
            throw .invalidConfiguration(codec: "H.264", reason: "its version is \(record[0]), not 1")
        }
        guard record[5] & 31 > 0 else {
            throw .invalidConfiguration(codec: "H.264", reason: "it holds no parameter set")
        }
        var units: [[UInt8]] = []
        var offset = 6
        guard Self.readUnits(Int(record[5] & 31), of: record, from: &offset, into: &units) else {
            throw .truncatedConfiguration(codec: "H.264")
        }
        // Some encoders leave the picture parameter sets out, and send them with the frames.
        if offset < record.count {
            let count = Int(record[offset])
            offset += 1
            guard Self.readUnits(count, of: record, from: &offset, into: &units) else {
                throw .truncatedConfiguration(codec: "H.264")
            }
        }
        try self.init(record: record, sets: ParameterSets(codec: .h264, units))
    }

    private static func readUnits(
        _ count: Int, of record: [UInt8], from offset: inout Int, into units: inout [[UInt8]]
    ) -> Bool {
        for _ in 0..<count {
            guard record.count >= offset + 2 else { return false }
            let length = Int(record[offset]) << 8 | Int(record[offset + 1])
            guard record.count >= offset + 2 + length else { return false }
            if units.count < ParameterSets.mostUnits { units.append(Array(record[offset + 2..<offset + 2 + length])) }
            offset += 2 + length
        }
        return true
    }

    /// Makes a record of parameter sets, the sequence that is shown first.
    init(_ sets: ParameterSets, nalLengthSize: Int) throws(MediaError) {
        let sequences = sets.of(.sequence)
        let pictures = sets.of(.picture)
        guard let first = sequences.first, let set = H264SequenceParameterSet(nalUnit: first.bytes),
            sequences.count < 32
        else {
            throw .invalidConfiguration(codec: "H.264", reason: "it holds no readable sequence parameter set")
        }
        var record: [UInt8] = [1] + first.bytes[1...3] + [0xfc | UInt8(max(1, nalLengthSize) - 1 & 3)]
        let append = { (units: [ParameterSets.Unit]) in
            for unit in units {
                record += [UInt8(unit.bytes.count >> 8 & 255), UInt8(unit.bytes.count & 255)] + unit.bytes
            }
        }
        record.append(0xe0 | UInt8(sequences.count))
        append(sequences)
        record.append(UInt8(pictures.count))
        append(pictures)
        if [100, 110, 122, 144].contains(first.bytes[1]) {
            let extensions = sets.of(.supplement)
            record += [0xfc | UInt8(set.chroma & 3), 0xf8 | UInt8(set.lumaDepth - 8 & 7)]
            record += [0xf8 | UInt8(set.chromaDepth - 8 & 7), UInt8(extensions.count)]
            append(extensions)
        }
        try self.init(record: record, sets: sets)
    }

    private init(record: [UInt8], sets: ParameterSets) throws(MediaError) {
        guard let first = sets.of(.sequence).first, let set = H264SequenceParameterSet(nalUnit: first.bytes) else {
            throw .invalidConfiguration(codec: "H.264", reason: "its sequence parameter set is malformed")
        }
        self.record = record
        self.sets = sets
        nalLengthSize = Int(record[4] & 3) + 1
        frameDuration = set.frameDuration
        pixelAspect = set.pixelAspect
        colour = set.colour
        codedSize = (set.width, set.height)
        format = TrackFormat(
            codecs: "avc1." + record[1...3].hexadecimal(), width: set.displayWidth, height: set.height,
            frameRate: set.frameDuration?.rate, videoRange: set.colour?.range)
    }

    package static func == (a: Self, b: Self) -> Bool { a.record == b.record }
}

/// What the packager needs of an H.264 sequence parameter set (H.264, 7.3.2.1.1 and annex E).
struct H264SequenceParameterSet {
    private(set) var width = 0
    private(set) var height = 0
    private(set) var chroma: UInt32 = 1
    private(set) var lumaDepth: UInt32 = 8
    private(set) var chromaDepth: UInt32 = 8
    private(set) var pixelAspect: PixelAspect?
    private(set) var colour: ColourDescription?
    private(set) var frameDuration: FrameDuration?

    var displayWidth: Int { pixelAspect?.shown(width) ?? width }

    init?(nalUnit: some Sequence<UInt8>) {
        var bits = BitReader(nalUnit: nalUnit)
        guard bits.skip(8) != nil, let profile = bits.read(8), bits.skip(16) != nil, bits.unsigned() != nil else {
            return nil
        }
        if [100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135].contains(profile) {
            guard readHighProfile(&bits) else { return nil }
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

    private mutating func readHighProfile(_ bits: inout BitReader) -> Bool {
        guard let chroma = bits.unsigned(), chroma <= 3 else { return false }
        if chroma == 3 { guard bits.skip(1) != nil else { return false } }
        guard let luma = bits.unsigned(), luma <= 6, let colours = bits.unsigned(), colours <= 6, bits.skip(1) != nil,
            let hasScaling = bits.flag()
        else { return false }
        (self.chroma, lumaDepth, chromaDepth) = (chroma, luma + 8, colours + 8)
        guard hasScaling else { return true }
        for list in 0..<(chroma == 3 ? 12 : 8) {
            guard let isPresent = bits.flag() else { return false }
            if isPresent { guard Self.skipScalingList(&bits, count: list < 6 ? 16 : 64) else { return false } }
        }
        return true
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
            guard let aspect = PixelAspect.read(&bits) else { return }
            if !aspect.isSquare { pixelAspect = aspect }
        }
        guard let hasOverscan = bits.flag() else { return }
        if hasOverscan { guard bits.skip(1) != nil else { return } }
        guard let hasSignal = bits.flag() else { return }
        if hasSignal {
            guard bits.skip(3) != nil, let isFullRange = bits.flag(), let hasColour = bits.flag() else { return }
            if hasColour {
                colour = ColourDescription(&bits, isFullRange: isFullRange)
                guard colour != nil else { return }
            }
        }
        guard let hasChromaLocation = bits.flag() else { return }
        if hasChromaLocation { guard bits.unsigned() != nil, bits.unsigned() != nil else { return } }
        guard bits.flag() == true, let units = bits.read(32), let scale = bits.read(32) else { return }
        // A tick is a field: two make a frame (E.2.1).
        frameDuration = FrameDuration(rateNumerator: Int64(scale), rateDenominator: Int64(units) * 2)
    }
}
