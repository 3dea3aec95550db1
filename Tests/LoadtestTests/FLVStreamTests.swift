import NIOCore
import Testing

@testable import LoadtestCore

@Suite("FLV as it comes") struct FLVStreamTests {
    private func tag(_ type: UInt8, _ timestamp: UInt32, _ body: [UInt8]) -> [UInt8] {
        let size = UInt32(body.count)
        func three(_ value: UInt32) -> [UInt8] { [16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }
        return [type] + three(size) + three(timestamp & 0xFF_FFFF) + [UInt8(timestamp >> 24), 0, 0, 0] + body
            + [0] + three(size + 11)
    }

    @Test("tags are read, however their bytes are cut", arguments: [1, 2, 7, 64, 1_000])
    func cuts(size: Int) {
        let header: [UInt8] = [0x46, 0x4C, 0x56, 1, 5, 0, 0, 0, 9, 0, 0, 0, 0]
        let bytes =
            header + tag(9, 0, [0x17, 0, 0, 0, 0, 1]) + tag(8, 16_777_300, [0xAF, 1, 2])
            + tag(9, 40, [0x27, 1, 0, 0, 0, 9]) + tag(18, 0, [])
        var stream = FLVStream()
        var found: [FLVStream.Tag] = []
        for start in stride(from: 0, to: bytes.count, by: size) {
            stream.receive(ByteBuffer(bytes: bytes[start..<min(bytes.count, start + size)]))
            while let tag = stream.next() { found.append(tag) }
        }
        #expect(found.map(\.type) == [9, 8, 9, 18])
        #expect(found.map(\.timestamp) == [0, 16_777_300, 40, 0])
        #expect(found.map(\.isPicture) == [false, false, true, false])
        #expect(found.map(\.isPictureHeader) == [true, false, false, false])
        #expect(Array(found[2].body.readableBytesView) == [0x27, 1, 0, 0, 0, 9])
    }
}
