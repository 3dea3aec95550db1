import NIOCore
import Testing

@testable import RTMP

@Suite struct ChunkTests {
    private func read(_ bytes: ByteBuffer, piece: Int = .max) throws -> [RTMPMessage] {
        var reader = ChunkReader(limits: RTMPLimits())
        reader.messageLimit = 1 << 20
        var input = ByteBuffer()
        var rest = bytes
        var found: [RTMPMessage] = []
        while let next = rest.readSlice(length: min(piece, max(1, rest.readableBytes))) {
            input.writeImmutableBuffer(next)
            while let message = try reader.next(&input) {
                if message.type == 1 {
                    try reader.setChunkSize(message.payload.getInteger(at: 0, as: UInt32.self) ?? 0)
                }
                found.append(message)
            }
        }
        return found
    }

    @Test(arguments: [2, 3, 63, 64, 319, 320, 65_599] as [UInt32], [0, 1, 127, 128, 129, 1_000])
    func everyChunkStreamAndLength(lane: UInt32, count: Int) throws {
        var publisher = Publisher()
        let payload = ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0) })
        publisher.message(9, payload, lane: lane, stream: 1, timestamp: 42)
        for piece in [1, 3, 128, Int.max] {
            let found = try read(publisher.bytes, piece: piece)
            #expect(found.map(\.payload) == [payload])
            #expect(found.map(\.timestamp) == [42])
            #expect(found.map(\.stream) == [1])
        }
    }

    @Test func extendedTimestampsRepeatInEveryChunk() throws {
        var publisher = Publisher()
        let payload = ByteBuffer(repeating: 1, count: 300)
        publisher.message(9, payload, timestamp: 0x0100_0000)
        publisher.message(9, payload, timestamp: 0xFFFF_FFFF)
        let found = try read(publisher.bytes)
        #expect(found.map(\.timestamp) == [0x0100_0000, 0xFFFF_FFFF])
        #expect(found.map(\.payload) == [payload, payload])
    }

    @Test func oldClientsLeaveTheRepetitionOut() throws {
        var publisher = Publisher()
        publisher.basicHeader(0, 4)
        publisher.write24(0xFF_FFFF)
        publisher.write24(200)
        publisher.bytes.writeInteger(UInt8(9))
        publisher.bytes.writeInteger(UInt32(1), endianness: .little)
        publisher.bytes.writeInteger(UInt32(0x0200_0000))
        publisher.bytes.writeRepeatingByte(7, count: 128)
        publisher.basicHeader(3, 4)
        publisher.bytes.writeRepeatingByte(7, count: 72)
        let found = try read(publisher.bytes)
        #expect(found.map(\.payload) == [ByteBuffer(repeating: 7, count: 200)])
    }

    @Test func deltasAddAndWrap() throws {
        var publisher = Publisher()
        publisher.message(8, ByteBuffer(bytes: [1]), lane: 4, timestamp: 1_000)
        func delta(_ format: UInt8, _ value: UInt32) {
            publisher.basicHeader(format, 4)
            publisher.write24(value)
            if format == 1 {
                publisher.write24(1)
                publisher.bytes.writeInteger(UInt8(8))
            }
            publisher.bytes.writeInteger(UInt8(1))
        }
        delta(1, 40)
        delta(2, 30)
        publisher.basicHeader(3, 4)
        publisher.bytes.writeInteger(UInt8(1))
        // A step back of 20 ms, wrapped in 24 bits.
        delta(2, 0x100_0000 - 20)
        #expect(try read(publisher.bytes).map(\.timestamp) == [1_000, 1_040, 1_070, 1_100, 1_080])
    }

    @Test func messagesOfTwoChunkStreamsInterleave() throws {
        var first = Publisher()
        first.message(9, ByteBuffer(repeating: 1, count: 200), lane: 4)
        var second = Publisher()
        second.message(8, ByteBuffer(repeating: 2, count: 150), lane: 5)
        // Header and first chunk of each, then the rest of each.
        var bytes = ByteBuffer()
        for part in [first.bytes.getSlice(at: 0, length: 140), second.bytes.getSlice(at: 0, length: 140)] {
            bytes.writeImmutableBuffer(part ?? ByteBuffer())
        }
        bytes.writeImmutableBuffer(
            first.bytes.getSlice(at: 140, length: first.bytes.readableBytes - 140) ?? ByteBuffer())
        bytes.writeImmutableBuffer(
            second.bytes.getSlice(at: 140, length: second.bytes.readableBytes - 140) ?? ByteBuffer())
        for piece in [1, 50, Int.max] {
            #expect(try read(bytes, piece: piece).map(\.payload.readableBytes) == [200, 150])
        }
    }

    @Test func theChunkSizeMayChange() throws {
        var publisher = Publisher()
        publisher.message(1, ByteBuffer(integer: UInt32(4_096)), lane: 2)
        publisher.chunkSize = 4_096
        publisher.message(9, ByteBuffer(repeating: 3, count: 9_000))
        #expect(try read(publisher.bytes).last?.payload.readableBytes == 9_000)
    }

    @Test func aContinuationOfNothingIsRefused() {
        var publisher = Publisher()
        publisher.basicHeader(3, 9)
        #expect(throws: CloseReason.unknownChunkStream) { try read(publisher.bytes) }
    }

    @Test func tooManyChunkStreamsAreRefused() {
        var publisher = Publisher()
        for lane in 3..<100 { publisher.message(8, ByteBuffer(bytes: [1]), lane: UInt32(lane)) }
        #expect(throws: CloseReason.tooManyChunkStreams(limit: 64)) { try read(publisher.bytes) }
    }
}
