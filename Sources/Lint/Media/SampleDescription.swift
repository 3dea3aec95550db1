import struct NIOCore.ByteBuffer

/// A track's sample entry, as a multivariant playlist's attributes describe it (4.4.6).
package struct SampleDescription: Sendable, Equatable {
    package struct Size: Sendable, Equatable {
        package let width: Int
        package let height: Int
    }

    /// Format of the sample entry: `avc1`, `hvc1`, `mp4a`…; that behind a protection scheme where there is one.
    package private(set) var format: String
    /// Its name in CODECS (RFC 6381); nil where the configuration says too little.
    package private(set) var codec: String?
    /// Sizes that RESOLUTION may tell: of the pictures, and of what is shown of them.
    package private(set) var sizes: [Size] = []
    /// Channels as heard.
    package private(set) var channels: Int?
    /// TransferCharacteristics of its `colr` box, and those of its parameter sets; nil where they do not say.
    package private(set) var boxTransfer: Int?
    package private(set) var streamTransfer: Int?

    /// - Parameter entries: what follows the count of an `stsd`. Only the first entry is read.
    init?(entries: ByteBuffer, isVideo: Bool) {
        var boxes = Boxes(entries)
        guard let entry = boxes.next() else { return nil }
        format = entry.type
        var body = entry.body
        let size = (
            body.getInteger(at: body.readerIndex + 24, as: UInt16.self),
            body.getInteger(at: body.readerIndex + 26, as: UInt16.self)
        )
        guard body.skip(isVideo ? 78 : 28) else { return }
        if entry.type == "encv" || entry.type == "enca" {
            guard var frma = body.box(at: "sinf", "frma"), let original = frma.readString(length: 4) else { return }
            format = original
        }
        if isVideo {
            if let width = size.0, let height = size.1 { readSize(Int(width), Int(height), pixels: body.box("pasp")) }
            readColour(body.box("colr"))
        }
        read(body)
    }

    mutating func add(width: Int, height: Int) {
        if width > 0, height > 0 { sizes.append(Size(width: width, height: height)) }
    }

    private mutating func readSize(_ width: Int, _ height: Int, pixels: ByteBuffer?) {
        add(width: width, height: height)
        guard var pixels, let across = pixels.readInteger(as: UInt32.self),
            let down = pixels.readInteger(as: UInt32.self), across > 0, down > 0
        else { return }
        let ratio = Double(across) / Double(down)
        add(width: Int((Double(width) * ratio).rounded()), height: height)
        add(width: width, height: Int((Double(height) / ratio).rounded()))
    }

    private mutating func readColour(_ box: ByteBuffer?) {
        guard var box, let type = box.readString(length: 4), type == "nclx" || type == "nclc", box.skip(2),
            let transfer = box.readInteger(as: UInt16.self), transfer != 2
        else { return }
        boxTransfer = Int(transfer)
    }

    private mutating func read(_ body: ByteBuffer) {
        switch format {
        case "avc1", "avc3": readAVC(body.box("avcC"))
        case "hvc1", "hev1": readHEVC(body.box("hvcC"))
        case "av01": readAV1(body.box("av1C"))
        case "mp4a": readAAC(body.box("esds"))
        case "Opus":
            codec = "Opus"
            if let box = body.box("dOps"), let count = box.getInteger(at: box.readerIndex + 1, as: UInt8.self) {
                channels = Int(count)
            }
        case "ac-3":
            codec = format
            guard let box = body.box("dac3") else { return }
            var bits = BitSource(box)
            guard bits.pass(10), let mode = bits.bits(3), let hasLow = bits.flag() else { return }
            channels = [2, 1, 2, 3, 3, 4, 4, 5][Int(mode)] + (hasLow ? 1 : 0)
        default: break
        }
    }

    private mutating func readAVC(_ box: ByteBuffer?) {
        guard var box, let head = box.readBytes(length: 6) else { return }
        codec = "\(format)." + head[1...3].map { Self.hexadecimal($0) }.joined()
        guard head[5] & 31 > 0, let length = box.readInteger(as: UInt16.self),
            let set = box.readSlice(length: Int(length))
        else { return }
        setStream(TransferCharacteristics.h264(set))
    }

    private mutating func readHEVC(_ box: ByteBuffer?) {
        guard var box, let head = box.readBytes(length: 23) else { return }
        let space = ["", "A", "B", "C"][Int(head[1] >> 6)]
        var flags: UInt32 = 0
        for byte in head[2...5] { flags = flags << 8 | UInt32(byte) }
        var reversed: UInt32 = 0
        for bit in UInt32(0)..<32 where flags >> bit & 1 == 1 { reversed |= 1 << (31 - bit) }
        var constraints = Array(head[6...11])
        while constraints.last == 0 { constraints.removeLast() }
        let tier = head[1] & 0x20 == 0 ? "L" : "H"
        var parts = [format, "\(space)\(head[1] & 31)", String(reversed, radix: 16, uppercase: true)]
        parts.append("\(tier)\(head[12])")
        parts += constraints.map { String($0, radix: 16, uppercase: true) }
        codec = parts.joined(separator: ".")
        for _ in 0..<head[22] {
            guard let type = box.readInteger(as: UInt8.self), let count = box.readInteger(as: UInt16.self) else {
                return
            }
            for _ in 0..<count {
                guard let length = box.readInteger(as: UInt16.self), let unit = box.readSlice(length: Int(length))
                else {
                    return
                }
                if type & 63 == 33, streamTransfer == nil { setStream(TransferCharacteristics.hevc(unit)) }
            }
        }
    }

    private mutating func readAV1(_ box: ByteBuffer?) {
        guard var box, let head = box.readBytes(length: 4) else { return }
        let depth = head[2] & 0x40 == 0 ? "08" : head[2] & 0x20 == 0 ? "10" : "12"
        let level = head[1] & 31
        codec =
            "av01.\(head[1] >> 5).\(level < 10 ? "0" : "")\(level)\(head[2] & 0x80 == 0 ? "M" : "H").\(depth)"
        while let obu = box.readInteger(as: UInt8.self), obu & 4 == 0 || box.skip(1), let size = box.readLEB128(),
            let payload = box.readSlice(length: size)
        {
            if obu >> 3 & 15 == 1 { return setStream(TransferCharacteristics.av1(payload)) }
        }
    }

    private mutating func readAAC(_ box: ByteBuffer?) {
        guard var box, box.skip(4), let stream = box.descriptor(3), var fields = Optional(stream), fields.skip(2),
            let flags = fields.readInteger(as: UInt8.self), flags & 0xe0 == 0, var decoder = fields.descriptor(4),
            let object = decoder.readInteger(as: UInt8.self), decoder.skip(12)
        else { return }
        guard object == 0x40 else {
            codec = "mp4a.\(Self.hexadecimal(object))"
            return
        }
        guard let specific = decoder.descriptor(5), let config = AudioSpecificConfig(specific) else { return }
        codec = "mp4a.40.\(config.objectType)"
        channels = config.channels
    }

    private mutating func setStream(_ transfer: Int?) { if transfer != 2 { streamTransfer = transfer } }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }

    // MARK: CODECS

    /// Whether one of the names that a playlist lists is this track's: what decides whether it can be decoded must agree, spelling
    /// need not.
    package func isNamed(in codecs: [String]) -> Bool { codecs.contains { isNamed($0) } }

    private func isNamed(_ name: String) -> Bool {
        let given = name.lowercased().split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard given.first == format.lowercased() else { return false }
        guard let codec else { return true }
        let own = codec.lowercased().split(separator: ".").map(String.init)
        switch format {
        case "avc1", "avc3":
            // Profile and level in decimal digits, as before RFC 6381.
            if given.count == 3, let profile = Int(given[1]), let level = Int(given[2]), own.count == 2 {
                return own[1].hasPrefix(Self.hexadecimal(UInt8(clamping: profile)))
                    && own[1].hasSuffix(Self.hexadecimal(UInt8(clamping: level)))
            }
            return given == own
        // Profile, tier and level: many write compatibility and constraint flags by rote.
        case "hvc1", "hev1": return given.count >= 4 && own.count >= 4 && given[1] == own[1] && given[3] == own[3]
        case "av01": return given.count >= 4 && given.prefix(4).elementsEqual(own.prefix(4))
        case "mp4a":
            return given.count == own.count
                && zip(given, own).allSatisfy { pair in
                    pair.0 == pair.1 || Int(pair.0).map { $0 == Int(pair.1) } ?? false
                }
        default: return true
        }
    }
}

extension ByteBuffer {
    /// The body of the first descriptor of that tag (ISO 14496-1, 8.3.3), as far as there are bytes.
    fileprivate mutating func descriptor(_ tag: UInt8) -> ByteBuffer? {
        while let found = readInteger(as: UInt8.self) {
            var length = 0
            for _ in 0..<4 {
                guard let byte = readInteger(as: UInt8.self) else { return nil }
                length = length << 7 | Int(byte & 0x7f)
                if byte & 0x80 == 0 { break }
            }
            guard let body = readSlice(length: Swift.min(length, readableBytes)) else { return nil }
            if found == tag { return body }
        }
        return nil
    }
}
