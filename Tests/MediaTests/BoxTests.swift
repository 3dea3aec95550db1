import NIOCore
import Testing

@testable import Media

/// Every box and descriptor that is written states the size of what it holds: read by a reader that allows nothing more and
/// nothing less.
@Suite struct BoxTests {
    struct Wrong: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    /// What a box holds: others after so many bytes, or so many bytes.
    private enum Shape {
        case boxes(after: Int)
        case bytes(Int)
        case any
    }

    private static let shapes: [String: Shape] = [
        "moov": .boxes(after: 0), "trak": .boxes(after: 0), "mdia": .boxes(after: 0), "minf": .boxes(after: 0),
        "dinf": .boxes(after: 0), "stbl": .boxes(after: 0), "mvex": .boxes(after: 0), "moof": .boxes(after: 0),
        "traf": .boxes(after: 0), "stsd": .boxes(after: 8), "dref": .boxes(after: 8), "avc1": .boxes(after: 78),
        "hvc1": .boxes(after: 78), "av01": .boxes(after: 78), "mp4a": .boxes(after: 28), "Opus": .boxes(after: 28),
        "mvhd": .bytes(100), "tkhd": .bytes(84), "mdhd": .bytes(24), "vmhd": .bytes(12), "smhd": .bytes(8),
        "url ": .bytes(4), "stts": .bytes(8), "stsc": .bytes(8), "stsz": .bytes(12), "stco": .bytes(8),
        "trex": .bytes(24), "mfhd": .bytes(8), "tfhd": .bytes(8), "tfdt": .bytes(12), "pasp": .bytes(8),
        "colr": .bytes(11), "ftyp": .any, "hdlr": .any, "avcC": .any, "hvcC": .any, "av1C": .any, "esds": .any,
        "dOps": .any, "trun": .any, "mdat": .any,
    ]

    /// Reads boxes to the last byte. Returns their names with those that they stand in.
    private func read(_ bytes: ByteBuffer, in path: String = "") throws -> [String] {
        var rest = bytes
        var found: [String] = []
        while rest.readableBytes > 0 {
            guard let size = rest.readInteger(as: UInt32.self), let type = rest.readString(length: 4), size >= 8,
                let body = rest.readSlice(length: Int(size) - 8)
            else { throw Wrong("\(path): a box ends beyond what holds it") }
            let name = path + "/" + type
            found.append(name)
            switch Self.shapes[type] {
            case nil: throw Wrong("\(name) is not known")
            case .bytes(let count)?:
                guard body.readableBytes == count else {
                    throw Wrong("\(name) holds \(body.readableBytes), not \(count)")
                }
            case .boxes(let count)?:
                var inner = body
                guard let head = inner.readBytes(length: count) else { throw Wrong("\(name) is too short") }
                let boxes = try read(inner, in: name)
                if type == "stsd" || type == "dref" {
                    // One entry, as the count says.
                    let entries = boxes.filter { !$0.dropFirst(name.count + 1).contains("/") }
                    guard head.suffix(4) == [0, 0, 0, 1], entries.count == 1 else {
                        throw Wrong("\(name) counts wrong")
                    }
                }
                found += boxes
            case .any?: try check(type, body, name)
            }
        }
        return found
    }

    private func check(_ type: String, _ body: ByteBuffer, _ name: String) throws {
        var body = body
        switch type {
        case "ftyp": guard body.readableBytes % 4 == 0, body.readableBytes >= 12 else { throw Wrong(name) }
        case "hdlr":
            guard body.readableBytes > 24,
                Array(body.readableBytesView).dropFirst(24).firstIndex(of: 0) == body.readableBytes - 1
            else { throw Wrong("\(name): its text does not end with it") }
        case "esds":
            guard body.readInteger(as: UInt32.self) == 0 else { throw Wrong("\(name) has flags") }
            try readDescriptors(body, in: name)
        case "avcC": try readParameterSets(body, name)
        case "trun":
            guard let head = body.readInteger(as: UInt32.self), let count = body.readInteger(as: UInt32.self) else {
                throw Wrong(name)
            }
            var size = 0
            for bit in [0x100, 0x200, 0x400, 0x800] where Int(head) & bit != 0 { size += 4 }
            guard head & 1 == 1, body.readableBytes == 4 + Int(count) * size else {
                throw Wrong("\(name) counts wrong")
            }
        default: break
        }
    }

    /// ISO 14496-1, 7.2.6: each descriptor ends where its length says, and so does the last with what holds it.
    private func readDescriptors(_ bytes: ByteBuffer, in name: String) throws {
        var rest = bytes
        while rest.readableBytes > 0 {
            guard let tag = rest.readInteger(as: UInt8.self) else { return }
            var size = 0
            while let byte = rest.readInteger(as: UInt8.self) {
                size = size << 7 | Int(byte & 127)
                if byte & 128 == 0 { break }
            }
            guard var body = rest.readSlice(length: size) else {
                throw Wrong("\(name): descriptor \(tag) states \(size) bytes of \(rest.readableBytes)")
            }
            if tag == 3 {
                body.moveReaderIndex(forwardBy: 3)
                try readDescriptors(body, in: name)
            } else if tag == 4 {
                body.moveReaderIndex(forwardBy: 13)
                try readDescriptors(body, in: name)
            }
        }
    }

    private func readParameterSets(_ body: ByteBuffer, _ name: String) throws {
        var rest = body
        rest.moveReaderIndex(forwardBy: 5)
        for mask in [UInt8(31), 255] {
            guard let count = rest.readInteger(as: UInt8.self) else { throw Wrong(name) }
            for _ in 0..<(count & mask) {
                guard let size = rest.readInteger(as: UInt16.self), rest.readSlice(length: Int(size)) != nil else {
                    throw Wrong("\(name): a set ends beyond it")
                }
            }
        }
        guard rest.readableBytes == 0 || rest.readableBytes == 4 else {
            throw Wrong("\(name) has \(rest.readableBytes) more")
        }
    }

    /// A high profile set with pixels that are not square, and PQ.
    private static func wideSet() -> [UInt8] {
        var bits = BitWriter()
        for byte: UInt32 in [0x67, 100, 0, 31] { bits.write(byte, 8) }
        func code(_ value: UInt32) {
            let length = 32 - (value + 1).leadingZeroBitCount
            bits.write(0, length - 1)
            bits.write(value + 1, length)
        }
        for value: UInt32 in [0, 1, 2, 2] { code(value) }
        bits.write(0, 2)
        for value: UInt32 in [0, 2, 1] { code(value) }
        bits.write(0, 1)
        code(44)
        code(35)
        // Frames, 8x8 inference, no cropping, usability: 16:11 pixels, no overscan, full range and colours 9, 16, 9.
        bits.write(0b1101_1, 5)
        bits.write(4, 8)
        bits.write(0b0_1_101_1_1, 7)
        for colour: UInt32 in [9, 16, 9] { bits.write(colour, 8) }
        bits.write(0b0_0_1, 3)
        return bits.bytes
    }

    @Test func everyInitSectionIsWhole() throws {
        var sections: [(String, ByteBuffer)] = []
        for set in [CrookedPublisher.sps(width: 320, height: 176), Self.wideSet()] {
            let record = try VideoConfiguration(codec: .h264, record: Array(Units.record(set).readableBytesView))
            sections.append(("avc1", InitializationSegment.video(record)))
            // Made of the same sets, as they come with frames.
            let made = try VideoConfiguration(
                codec: .h264, sets: ParameterSets(codec: .h264, [set, Units.picture]), lengthSize: 4)
            sections.append(("avc1", InitializationSegment.video(made)))
        }
        for (file, name) in [
            ("hevc-bframes.flv", "hvc1"), ("hevc-main10.flv", "hvc1"), ("av1-opus.flv", "av01"),
            ("av1-10bit.flv", "av01"),
        ] {
            let section = try #require(try CodecVectorTests.package(file).packaged.tracks(.video).first)
            sections.append((name, section.bytes))
        }
        for specific: [UInt8] in [
            [0x11, 0x90], [0x12, 0x10], [0x2b, 0x11, 0x88, 0], [0xeb, 0x09, 0x88, 0], [0x13, 0x08, 0x56, 0xe5, 0x98],
            [0x11, 0x80 | 6 << 3 & 0x78],
        ] {
            sections.append(
                ("mp4a", InitializationSegment.audio(try AudioConfiguration(audioSpecificConfig: specific))))
        }
        for file in ["av1-opus.flv", "opus-51.flv"] {
            sections.append(
                ("Opus", try #require(try CodecVectorTests.package(file).packaged.tracks(.audio).first).bytes))
        }
        for (name, bytes) in sections {
            let boxes = try read(bytes)
            #expect(boxes.contains("/moov/trak/mdia/minf/stbl/stsd/\(name)"))
        }
        let wide = try read(sections[2].1)
        #expect(wide.contains { $0.hasSuffix("avc1/pasp") } && wide.contains { $0.hasSuffix("avc1/colr") })
    }

    @Test func everyFragmentIsWhole() throws {
        for file in ["hevc-bframes.flv", "av1-opus.flv", "opus-51.flv"] {
            let packaged = try CodecVectorTests.package(file).packaged
            for part in packaged.parts(.video) + packaged.parts(.audio) { #expect(try read(part.bytes).count >= 6) }
        }
    }

    /// The reader itself: a byte too many in a descriptor does not pass.
    @Test func aDescriptorThatIsAByteTooLongIsFound() throws {
        var section = InitializationSegment.audio(try AudioConfiguration(audioSpecificConfig: [0x11, 0x90]))
        let bytes = Array(section.readableBytesView)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("esds".utf8)) }) + 9
        section.setInteger(bytes[place] + 1, at: section.readerIndex + place)
        #expect(throws: Wrong.self) { try read(section) }
    }

    // MARK: Formats

    @Test func coloursOfThePictureAreRead() throws {
        let record = try VideoConfiguration(codec: .h264, record: Array(Units.record(Self.wideSet()).readableBytesView))
        #expect(record.colour == ColourDescription(primaries: 9, transfer: 16, matrix: 9, isFullRange: true))
        #expect(record.format.videoRange == .pq && record.codedSize == (720, 576) && record.format.width == 1_047)
        let plain = try VideoConfiguration(
            codec: .h264, record: Array(CrookedPublisher.videoRecord(width: 320, height: 176).readableBytesView))
        #expect(plain.format.videoRange == nil)
        for (transfer, range) in [(UInt8(1), VideoRange.sdr), (14, .sdr), (16, .pq), (18, .hlg)] {
            #expect(ColourDescription(primaries: 9, transfer: transfer, matrix: 9, isFullRange: false).range == range)
        }
    }

    struct Sound: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let bytes: [UInt8]
        let codecs: String
        let rate: Int
        let channels: Int
        let frame: Int
    }

    /// AudioSpecificConfig (ISO 14496-3, 1.6.2.1 and 1.6.5).
    static let sounds = [
        Sound(
            testDescription: "LC", bytes: [0x11, 0x90], codecs: "mp4a.40.2", rate: 48_000, channels: 2, frame: 1_024),
        Sound(
            testDescription: "HE, hierarchical", bytes: [0x2b, 0x11, 0x88, 0], codecs: "mp4a.40.5", rate: 48_000,
            channels: 2,
            frame: 2_048),
        Sound(
            testDescription: "HE v2, hierarchical", bytes: [0xeb, 0x09, 0x88, 0], codecs: "mp4a.40.29", rate: 48_000,
            channels: 2, frame: 2_048),
        Sound(
            testDescription: "HE, backward compatible", bytes: [0x13, 0x10, 0x56, 0xe5, 0x98], codecs: "mp4a.40.5",
            rate: 48_000, channels: 2, frame: 2_048),
        Sound(
            testDescription: "HE v2, backward compatible", bytes: [0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80],
            codecs: "mp4a.40.29", rate: 48_000, channels: 2, frame: 2_048),
        Sound(
            testDescription: "LC that says it has no SBR", bytes: [0x13, 0x10, 0x56, 0xe5, 0x00], codecs: "mp4a.40.2",
            rate: 24_000, channels: 2, frame: 1_024),
        Sound(
            testDescription: "HE at its core's rate", bytes: [0x29, 0x91, 0x88, 0], codecs: "mp4a.40.5", rate: 48_000,
            channels: 2, frame: 1_024),
    ]

    @Test(arguments: sounds) func soundIsNamedAsItIsHeard(sound: Sound) throws {
        let found = try AudioConfiguration(audioSpecificConfig: sound.bytes)
        #expect(found.format.codecs == sound.codecs && found.format.channels == sound.channels)
        #expect(found.sampleRate == sound.rate && found.samplesPerFrame == sound.frame)
    }
}
