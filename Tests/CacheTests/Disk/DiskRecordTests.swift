import HTTP
import NIOCore
import Testing

@testable import Cache

/// What a file of the disk tier says of itself.
@Suite struct DiskRecordTests {
    private let now = ContinuousClock.now

    private func record(_ fields: [String] = [], body: Int = 1_000, vary: [String] = []) -> DiskRecord {
        let head = ResponseHead(
            status: 200, fields: CacheScript.fields(["Cache-Control: max-age=60", "ETag: \"1\""] + fields))
        let request = RequestHead(target: HTTPBytes("/vod/a?b=c"), fields: CacheScript.fields(vary))
        let freshness = Freshness(
            request: request, response: head, unixSeconds: 1_000, policy: FreshnessPolicy())
        return DiskRecord(
            StoredResponse(head: head, body: SharedBody(), freshness: freshness, at: now), bodyBytes: body,
            key: CacheKey(request), selection: VarySelection(head.fields, request: request.fields), at: now,
            unixMicroseconds: 5_000_000)
    }

    private func file(_ record: DiskRecord) throws -> ByteBuffer {
        let offset = DiskRecord.bodyOffset(recordBytes: record.encoded().readableBytes)
        var bytes = try #require(record.fileHead(bodyOffset: offset))
        #expect(bytes.readableBytes == offset)
        bytes.writeRepeatingByte(1, count: record.bodyBytes)
        return bytes
    }

    @Test func whatIsWrittenIsRead() throws {
        let written = record(
            ["Vary: X-Kind, Accept-Language", "Content-Language: de", "Cache-Control: private=\"x-own\"", "X-Own: 1"],
            vary: ["X-Kind: a"])
        let bytes = try file(written)
        let read = try #require(DiskRecord.read(bytes, fileBytes: bytes.readableBytes))
        #expect(read.record.key == written.key && read.record.selection == written.selection)
        #expect(read.record.head == written.head && read.record.freshness == written.freshness)
        #expect(read.bodyOffset + written.bodyBytes == bytes.readableBytes)
        #expect(read.record.selection.matches(CacheScript.fields(["X-Kind: a"])))
        #expect(!read.record.selection.matches(CacheScript.fields(["X-Kind: b"])))
    }

    /// Time goes on while no process runs, also where the clock was set back.
    @Test(arguments: [(5, 1, true), (40, 36, true), (70, 66, false), (0, 1, true)])
    func ageGoesOn(unixSeconds: Int64, age: Int, isFresh: Bool) throws {
        let bytes = try file(record())
        let read = try #require(DiskRecord.read(bytes, fileBytes: bytes.readableBytes))
        let response = read.record.response(at: now, unixMicroseconds: unixSeconds * 1_000_000)
        #expect(response.age(at: now) == age && response.isFresh(at: now) == isFresh)
    }

    @Test func tornAndForeignFilesAreTold() throws {
        let bytes = try file(record())
        let whole = bytes.readableBytes
        for length in stride(from: 0, to: whole, by: 7) {
            let torn = try #require(bytes.getSlice(at: 0, length: length))
            #expect(DiskRecord.read(torn, fileBytes: length) == nil, "\(length) of \(whole) bytes")
        }
        let head = whole - 1_000
        let used = 32 + record().encoded().readableBytes
        for index in 0..<head {
            var changed = bytes
            let byte = try #require(changed.getInteger(at: index, as: UInt8.self))
            changed.setInteger(byte ^ 0x10, at: index)
            // The room behind the record says nothing.
            #expect((DiskRecord.read(changed, fileBytes: whole) == nil) == (index < used), "byte \(index)")
        }
        #expect(DiskRecord.read(ByteBuffer(repeating: 0, count: 9_000), fileBytes: 9_000) == nil)
        #expect(DiskRecord.read(ByteBuffer(), fileBytes: 0) == nil)
    }

    @Test func aLongerHeadTakesThePlaceWhereThereIsRoom() throws {
        let short = record()
        let offset = DiskRecord.bodyOffset(recordBytes: short.encoded().readableBytes)
        #expect(record(["X-New: \(String(repeating: "a", count: 200))"]).fileHead(bodyOffset: offset) != nil)
        #expect(record(["X-New: \(String(repeating: "a", count: 1_000))"]).fileHead(bodyOffset: offset) == nil)
        let long = record(["X-New: \(String(repeating: "a", count: 70_000))"])
        #expect(long.fileHead(bodyOffset: DiskRecord.bodyOffset(recordBytes: 71_000)) == nil)
    }
}
