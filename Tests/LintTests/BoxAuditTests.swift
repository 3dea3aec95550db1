import LintFaults
import NIOCore
import Testing

@testable import Lint

/// Boxes and descriptors that state another size than they have are found, wherever they stand.
struct BoxAuditTests {
    private static func media(_ name: String) throws -> (initSection: ByteBuffer, fragments: [ByteBuffer]) {
        let rendition = try #require(SimulatedWatch.source.renditions[name])
        let parts = rendition.parts.sorted { $0.key < $1.key }.map(\.value)
        #expect(parts.count > 4)
        return (rendition.initSection, Array(parts.prefix(2)))
    }

    private static func faults(_ initSection: ByteBuffer) -> [String] { BoxAudit(initSection: initSection).faults }

    /// Where the size of each box stands, by its path.
    private static func sizes(of bytes: ByteBuffer, in containers: Set<String>) -> [(path: String, at: Int)] {
        var audit = BoxAudit()
        var found: [(String, Int)] = []
        func walk(_ boxes: [BoxAudit.Entry]) {
            for box in boxes {
                found.append((box.path, box.start))
                if containers.contains(box.type) { walk(audit.boxes(in: box)) }
            }
        }
        walk(audit.boxes(in: bytes))
        return found
    }

    private static let containers: Set<String> = [
        "moov", "trak", "mdia", "minf", "stbl", "dinf", "mvex", "moof", "traf",
    ]

    private static func with(_ bytes: ByteBuffer, _ change: Int, at place: Int) throws -> ByteBuffer {
        var bytes = bytes
        let size = try #require(bytes.getInteger(at: place, as: UInt32.self))
        bytes.setInteger(UInt32(Int(size) + change), at: place)
        return bytes
    }

    @Test("what our packager makes has none", arguments: ["video", "audio"])
    func sound(rendition: String) throws {
        let (initSection, fragments) = try Self.media(rendition)
        #expect(Self.faults(initSection) == [])
        #expect(BoxAudit(initSection: initSection).deviations == [])
        let header = try InitHeader(reading: initSection)
        for fragment in fragments {
            #expect(BoxAudit(fragments: fragment, header: header).faults == [])
            #expect(BoxAudit(fragments: fragment, header: header).deviations == [])
        }
    }

    @Test("each box of an init section, a byte more or less", arguments: ["video", "audio"], [-1, 1])
    func initSizes(rendition: String, change: Int) throws {
        let bytes = try Self.media(rendition).initSection
        let places = Self.sizes(of: bytes, in: Self.containers)
        #expect(places.count >= 20)
        for (path, place) in places {
            let changed = try Self.with(bytes, change, at: place)
            #expect(!Self.faults(changed).isEmpty, "\(path) \(change)")
        }
    }

    @Test("each box of a fragment, four bytes more or less", arguments: ["video", "audio"], [-4, 4])
    func fragmentSizes(rendition: String, change: Int) throws {
        let (initSection, fragments) = try Self.media(rendition)
        let header = try InitHeader(reading: initSection)
        let fragment = try #require(fragments.first)
        for (path, place) in Self.sizes(of: fragment, in: Self.containers) {
            let changed = try Self.with(fragment, change, at: place)
            #expect(!BoxAudit(fragments: changed, header: header).faults.isEmpty, "\(path) \(change)")
        }
    }

    @Test("each box of a sample entry, a byte more or less", arguments: ["video", "audio"], [-1, 1])
    func entrySizes(rendition: String, change: Int) throws {
        let bytes = try Self.media(rendition).initSection
        for type in ["avc1", "avcC", "mp4a", "esds"] {
            guard let found = bytes.readableBytesView.firstRange(of: Array(type.utf8)) else { continue }
            let changed = try Self.with(bytes, change, at: found.lowerBound - 4)
            #expect(!Self.faults(changed).isEmpty, "\(type) \(change)")
        }
    }

    @Test(
        "versions, flags and counts that nobody can read",
        arguments: [
            ("mvhd", 4, 2), ("tkhd", 4, 2), ("mdhd", 4, 2), ("hdlr", 4, 1), ("dref", 11, 2), ("stsd", 11, 2),
            ("stsd", 11, 0), ("stts", 11, 1), ("stsz", 15, 1), ("trex", 4, 1), ("avcC", 4, 0), ("avcC", 9, 0xe0),
            ("mdhd", 19, 0),
        ])
    func fields(type: String, offset: Int, value: Int) throws {
        var bytes = try Self.media("video").initSection
        let place = try #require(bytes.readableBytesView.firstRange(of: Array(type.utf8))).lowerBound + offset
        if type == "mdhd", offset == 19 {
            bytes.setInteger(UInt32(0), at: place - 3)
        } else {
            bytes.setInteger(UInt8(value), at: place)
        }
        #expect(!Self.faults(bytes).isEmpty)
    }

    /// An init section of sound around an `esds` with these descriptors, its boxes sound.
    static func initSection(esds: [UInt8]) throws -> ByteBuffer {
        var bytes = Array(try media("audio").initSection.readableBytesView)
        let type = try #require(bytes.firstRange(of: Array("esds".utf8))).lowerBound
        let old = Int(bytes[type - 1])
        bytes.replaceSubrange((type + 8)..<(type - 4 + old), with: esds)
        let change = esds.count - (old - 12)
        for box in ["esds", "mp4a", "stsd", "stbl", "minf", "mdia", "trak", "moov"] {
            let place = try #require(bytes.firstRange(of: Array(box.utf8))).lowerBound
            let size = bytes[(place - 4)..<place].reduce(0) { $0 << 8 | Int($1) } + change
            for (index, shift) in [24, 16, 8, 0].enumerated() {
                bytes[place - 4 + index] = UInt8(truncatingIfNeeded: size >> shift)
            }
        }
        return ByteBuffer(bytes: bytes)
    }

    private static let decoder: [UInt8] = [0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0x11, 0x90]

    @Test("ISO 14496-1, 8.3.3: descriptors state the length of what follows")
    func descriptors() throws {
        let good: [UInt8] = [3, 25, 0, 0, 0, 4, 17] + Self.decoder + [6, 1, 2]
        #expect(Self.faults(try Self.initSection(esds: good)) == [])
        // A length in four bytes, and fields that flags add.
        let long: [UInt8] = [3, 0x80, 0x80, 0x80, 27, 0, 0, 0x80, 0, 9, 4, 17] + Self.decoder + [6, 1, 2]
        #expect(Self.faults(try Self.initSection(esds: long)) == [])
        // Each length a byte more or less; and no decoder, two of them, and what follows the stream.
        for place in [1, 6, 21, 25] {
            for change in [-1, 1] {
                var bad = good
                bad[place] = UInt8(Int(bad[place]) + change)
                #expect(!Self.faults(try Self.initSection(esds: bad)).isEmpty, "\(place) \(change)")
            }
        }
        #expect(!Self.faults(try Self.initSection(esds: [3, 6, 0, 0, 0, 6, 1, 2])).isEmpty)
        #expect(!Self.faults(try Self.initSection(esds: good + [0])).isEmpty)
        #expect(!Self.faults(try Self.initSection(esds: [4, 17] + Self.decoder)).isEmpty)
        #expect(!Self.faults(try Self.initSection(esds: [])).isEmpty)
    }

    @Test("an ES_Descriptor a byte longer than it is: the words by which it is told")
    func words() throws {
        let esds: [UInt8] = [3, 26, 0, 0, 0, 4, 17] + Self.decoder + [6, 1, 2]
        #expect(
            Self.faults(try Self.initSection(esds: esds)) == [
                "moov/trak/mdia/minf/stbl/stsd/mp4a/esds: ES_Descriptor states 26 bytes, 25 follow"
            ])
    }

    @Test("bytes that are no boxes, and sizes beyond all files, are told and not followed")
    func hostile() throws {
        for bytes: [UInt8] in [
            [0], [0, 0, 0, 7, 1, 2, 3, 4],
            [0, 0, 0, 1, 0x6d, 0x6f, 0x6f, 0x66, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            [0, 0, 0, 0, 0x6d, 0x6f, 0x6f, 0x76], [0xff, 0xff, 0xff, 0xff, 0x6d, 0x64, 0x61, 0x74],
        ] {
            #expect(!Self.faults(ByteBuffer(bytes: bytes)).isEmpty, "\(bytes)")
        }
        // Any byte of what is sound changed to any of three others: read without a trap.
        let (initSection, fragments) = try Self.media("audio")
        let header = try InitHeader(reading: initSection)
        for place in 0..<initSection.readableBytes {
            for value: UInt8 in [0, 0x7f, 0xff] {
                var bytes = initSection
                bytes.setInteger(value, at: place)
                _ = BoxAudit(initSection: bytes)
                _ = try? InitHeader(reading: bytes)
            }
        }
        let fragment = try #require(fragments.first)
        for place in 0..<min(400, fragment.readableBytes) {
            for value: UInt8 in [0, 0x7f, 0xff] {
                var bytes = fragment
                bytes.setInteger(value, at: place)
                _ = BoxAudit(fragments: bytes, header: header)
            }
        }
    }
}
