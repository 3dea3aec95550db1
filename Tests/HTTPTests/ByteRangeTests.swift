import HTTP
import NIOCore
import Testing

/// RFC 9110, 13 and 14: what is cut from the whole, and when a client's copy is good.
@Suite struct ByteRangeTests {
    private static func fields(_ pairs: [(String, String)]) -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in pairs { fields.append(name: HTTPBytes(name), value: HTTPBytes(value)) }
        return fields
    }

    private static func range(_ fields: [(String, String)], method: HTTP.Method = .get, length: Int = 10) -> ByteRange?
    {
        let head = ResponseHead(
            status: 200, fields: Self.fields([("etag", "\"1\""), ("last-modified", "Thu, 01 Jan 1970 00:00:01 GMT")]))
        return ByteRange(RequestHead(method: method, fields: Self.fields(fields)), head: head, length: length)
    }

    struct Row: Sendable, CustomTestStringConvertible {
        let range: String
        let expected: ByteRange?
        init(_ range: String, _ expected: ByteRange?) { (self.range, self.expected) = (range, expected) }
        var testDescription: String { range }
    }

    static let rows: [Row] = [
        Row("bytes=0-0", .single(0..<1)), Row("bytes=2-5", .single(2..<6)), Row("bytes=9-", .single(9..<10)),
        Row("bytes=0-99", .single(0..<10)), Row("bytes=-3", .single(7..<10)), Row("bytes=-99", .single(0..<10)),
        Row("BYTES=1-2", .single(1..<3)), Row("bytes=10-", .unsatisfiable), Row("bytes=-0", .unsatisfiable),
        Row("bytes=10-12,11-", .unsatisfiable), Row("bytes=20-, 0-1", .single(0..<2)),
        Row("bytes=0-1,4-5", .multiple([0..<2, 4..<6])), Row("bytes=4-5, 0-1", .multiple([4..<6, 0..<2])),
        Row("bytes=0-1,-2", .multiple([0..<2, 8..<10])), Row("bytes=0-5,3-8", nil), Row("bytes=5-2", nil),
        Row("bytes=", nil), Row("bytes=a-b", nil), Row("bytes=1", nil), Row("bytes=-", nil), Row("bytes=1-2-3", nil),
        Row("lines=1-2", nil), Row("bytes=99999999999999999999999-", .unsatisfiable),
        Row("bytes=0-99999999999999999999999", .single(0..<10)), Row("bytes=-99999999999999999999999", .single(0..<10)),
    ]

    @Test(arguments: rows) func isRead(row: Row) { #expect(Self.range([("range", row.range)]) == row.expected) }

    @Test func manyRangesAreTheWhole() {
        func list(_ count: Int) -> String {
            "bytes=" + (0..<count).map { "\($0 * 2)-\($0 * 2)" }.joined(separator: ",")
        }
        #expect(Self.range([("range", list(16))], length: 100) != nil)
        #expect(Self.range([("range", list(17))], length: 100) == nil)
        #expect(Self.range([("range", "bytes=0-1"), ("range", "bytes=3-4")]) == nil)
        #expect(Self.range([("range", "bytes=0-1")], method: .head) == nil)
    }

    @Test(
        "13.1.5 If-Range",
        arguments: [
            ("\"1\"", true), ("\"2\"", false), ("W/\"1\"", false), ("Thu, 01 Jan 1970 00:00:01 GMT", true),
            ("Thu, 01 Jan 1970 00:00:02 GMT", false), ("x", false),
        ])
    func conditionIsHeeded(condition: String, holds: Bool) {
        #expect((Self.range([("range", "bytes=0-1"), ("if-range", condition)]) != nil) == holds)
    }

    @Test func piecesAreCutAtTheirBorders() {
        let pieces = ["abc", "", "defg", "h"].map { ByteBuffer(string: $0) }
        for low in 0..<8 {
            for high in low + 1...8 {
                let cut = ByteRange.cut(pieces, to: low..<high).map { String(buffer: $0) }.joined()
                #expect(cut == String("abcdefgh".dropFirst(low).prefix(high - low)))
            }
        }
    }

    @Test(
        "13.1.2 and 13.1.3 a client's copy",
        arguments: [
            ([("if-none-match", "\"1\"")], true), ([("if-none-match", "W/\"1\"")], true),
            ([("if-none-match", "*")], true),
            ([("if-none-match", "\"0\", \"1\"")], true), ([("if-none-match", "\"0\"")], false),
            ([("if-none-match", "\"0,\\\"1\"")], false),
            ([("if-none-match", "\"0\""), ("if-modified-since", "Thu, 01 Jan 1970 00:00:09 GMT")], false),
            ([("if-modified-since", "Thu, 01 Jan 1970 00:00:01 GMT")], true),
            ([("if-modified-since", "Thursday, 01-Jan-70 00:00:01 GMT")], true),
            ([("if-modified-since", "Thu Jan  1 00:00:09 1970")], true),
            ([("if-modified-since", "Thu, 01 Jan 1970 00:00:00 GMT")], false), ([("if-modified-since", "x")], false),
            ([], false),
        ] as [([(String, String)], Bool)])
    func copiesAreJudged(condition: [(String, String)], isGood: Bool) {
        let head = ResponseHead(
            status: 200, fields: Self.fields([("etag", "\"1\""), ("last-modified", "Thu, 01 Jan 1970 00:00:01 GMT")]))
        let request = RequestHead(fields: Self.fields(condition))
        #expect(ConditionalRequest.isUnchanged(request, head, now: 1_000) == isGood)
        // What has no tag exists all the same.
        let untagged = ResponseHead(status: 200, fields: Self.fields([]))
        let isAny = condition.contains { $0.0 == "if-none-match" && $0.1 == "*" }
        #expect(ConditionalRequest.isUnchanged(request, untagged, now: 1_000) == isAny)
        #expect(!ConditionalRequest.isUnchanged(request, ResponseHead(status: 404, fields: head.fields), now: 1_000))
    }
}
