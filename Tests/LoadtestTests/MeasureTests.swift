import NIOCore
import Testing

@testable import LoadtestCore

@Suite("Stages and the book of parts") struct MeasureTests {
    private func book(published: Int64?) -> StreamBook.Part {
        var book = StreamBook()
        _ = book.read(
            "p", byteCount: 10, digest: [1],
            stamps: [FrameStamp(capturedAt: 100, sentAt: 110), FrameStamp(capturedAt: 260, sentAt: 275)], times: nil,
            from: "origin")
        if let published { book.published("p", at: published) }
        return book["p"] ?? StreamBook.Part()
    }

    @Test(
        "the stages add up to the whole, whatever is missing or out of order",
        arguments: [
            (280, 290, 300, 700, [10, 165, 5, 10, 10, 400]), (nil, 290, 300, 700, [10, 165, 0, 15, 10, 400]),
            // The hinted part was here before its listing; the origin's probe heard of it later than the viewer.
            (280, 320, 300, 700, [10, 165, 5, 20, 0, 400]), (310, 290, 300, 700, [10, 165, 35, 0, 0, 390]),
            // Shown at once.
            (280, 290, 300, 300, [10, 165, 5, 10, 10, 0]),
        ] as [(Int64?, Int64, Int64, Int64, [Int64])])
    func stages(published: Int64?, listed: Int64, arrived: Int64, shown: Int64, expected: [Int64]) throws {
        let part = ViewerModel.ShownPart(path: "p", listedAt: listed, arrivedAt: arrived, shownAt: shown)
        let stages = try #require(Stage.split(part, of: book(published: published)))
        #expect(stages == expected)
        #expect(stages.reduce(0, +) == shown - 100)
    }

    @Test("one reads, the others count; bytes that differ are told with who gave them")
    func bytes() {
        var book = StreamBook()
        var claims = [book.claim("p"), book.claim("p")]
        book.release("p")
        claims.append(book.claim("p"))
        let first = book.read("p", byteCount: 10, digest: [1], stamps: [], times: nil, from: "origin")
        book.release("p")
        claims.append(book.claim("p"))
        #expect(claims == [true, false, true, false])
        let same = book.read("p", byteCount: 10, digest: [1], stamps: [], times: nil, from: "edge")
        #expect(first == nil && same == nil)
        #expect(
            book.counted("p", byteCount: 10, from: "edge") == nil
                && book.counted("q", byteCount: 1, from: "edge") == nil)
        #expect(book.counted("p", byteCount: 9, from: "edge")?.rule == .content)
        let differs = book.read("p", byteCount: 10, digest: [2], stamps: [], times: nil, from: "edge")
        #expect(differs?.rule == .content && differs?.evidence.contains("origin") == true)
    }

    @Test("memory is bounded, the oldest go first")
    func bounds() {
        var book = StreamBook(limit: 10)
        for index in 0..<1_000 { _ = book.claim("p\(index)") }
        #expect(book["p989"] == nil && book["p990"] != nil && book["p999"] != nil)
    }

    private func fragment(start: UInt64, durations: [UInt32]) -> ByteBuffer {
        func box(_ name: String, _ body: ByteBuffer) -> ByteBuffer {
            var box = ByteBuffer()
            box.writeInteger(UInt32(body.readableBytes + 8))
            box.writeString(name)
            box.writeImmutableBuffer(body)
            return box
        }
        var tfdt = ByteBuffer()
        tfdt.writeInteger(UInt32(1) << 24)
        tfdt.writeInteger(start)
        var trun = ByteBuffer()
        trun.writeMultipleIntegers(UInt32(0x701), UInt32(durations.count), UInt32(0))
        for duration in durations { trun.writeMultipleIntegers(duration, UInt32(5), UInt32(0)) }
        var traf = box("tfdt", tfdt)
        traf.writeImmutableBuffer(box("trun", trun))
        var bytes = box("moof", box("traf", traf))
        bytes.writeImmutableBuffer(box("mdat", ByteBuffer(bytes: [1, 2, 3])))
        return bytes
    }

    @Test("decode times are read, of a part and of a segment of several")
    func times() throws {
        var both = fragment(start: 9_000, durations: [3_000, 3_000])
        #expect(FragmentTimes(both)?.start == 9_000 && FragmentTimes(both)?.end == 15_000)
        both.writeImmutableBuffer(fragment(start: 15_000, durations: [3_000]))
        let times = try #require(FragmentTimes(both))
        #expect(times.start == 9_000 && times.end == 18_000 && times.samples == 3)
        for length in 0..<both.readableBytes {
            // Whatever was cut off: no trap, and no more than there is.
            _ = FragmentTimes(both.getSlice(at: 0, length: length) ?? ByteBuffer())
        }
        #expect(FragmentTimes(ByteBuffer(bytes: [0x47] + [UInt8](repeating: 0, count: 187))) == nil)
    }

    @Test("a hole between two parts is a violation, rounding is none")
    func continuity() {
        for (start, isBroken) in [(15_000, false), (15_060, false), (15_200, true), (14_000, true)] as [(UInt64, Bool)]
        {
            var book = StreamBook()
            _ = book.read(
                "a", byteCount: 1, digest: [1], stamps: [],
                times: FragmentTimes(fragment(start: 9_000, durations: [3_000, 3_000])), from: "o")
            _ = book.read(
                "b", byteCount: 1, digest: [2], stamps: [],
                times: FragmentTimes(fragment(start: start, durations: [3_000])), from: "o")
            #expect((book.continuity(of: "b", after: "a")?.rule == .continuity) == isBroken, "\(start)")
            #expect(book.continuity(of: "b", after: "c") == nil)
        }
    }

    @Test("nothing is counted before its time, but joins")
    func counting() {
        var statistics = RunStatistics()
        statistics.joined(after: 5, at: 1)
        statistics.failed("x", at: 1)
        statistics.start(at: 1_000_000)
        let part = book(published: nil)
        statistics.shown(.init(path: "p", listedAt: 0, arrivedAt: 0, shownAt: 999_999), of: part)
        statistics.shown(.init(path: "p", listedAt: 300, arrivedAt: 300, shownAt: 1_500_000), of: part)
        statistics.shown(.init(path: "q", listedAt: 300, arrivedAt: 300, shownAt: 1_500_000), of: nil)
        statistics.stalled(from: 500_000, until: 3_000_000, viewer: "v")
        statistics.broken(Violation(rule: .content, evidence: "first"), at: 2_500_000)
        statistics.broken(Violation(rule: .content, evidence: "second"), at: 2_600_000)
        #expect(statistics.join.count == 1 && statistics.errorCount == 0)
        #expect(statistics.glass.count == 1 && statistics.unstamped == 1)
        #expect(statistics.stalls == 1 && statistics.stalledTime == 2_000_000)
        #expect(statistics.violations[.content]?.count == 2)
        #expect(statistics.violations[.content]?.first == "at 1.500 s: first")
    }
}
