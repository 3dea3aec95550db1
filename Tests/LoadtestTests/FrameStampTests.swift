import NIOCore
import Testing

@testable import LoadtestCore

@Suite("Stamps in the bitstream") struct FrameStampTests {
    let stamp = FrameStamp(capturedAt: 1_796_000_000_123_456, sentAt: 1_796_000_000_130_000)

    private func unit(_ type: UInt8, _ bytes: [UInt8]) -> [UInt8] {
        let length = UInt32(bytes.count + 1)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + [type] + bytes
    }

    @Test("what is written is read, wherever it lies", arguments: [0, 1, 7, 500])
    func roundTrip(offset: Int) {
        let bytes = [UInt8](repeating: 0x55, count: offset) + stamp.nalUnit + stamp.nalUnit + [1, 2, 3]
        #expect(FrameStamp.all(in: ByteBuffer(bytes: bytes)) == [stamp, stamp])
    }

    @Test(
        "no byte of a stamp needs emulation prevention (H.264, 7.4.1.1)", arguments: [0, 1, 0x7F, 1 << 62, Int64.max])
    func noZeros(time: Int64) {
        let one = FrameStamp(capturedAt: time, sentAt: -1)
        #expect(!one.nalUnit.contains(0))
        #expect(FrameStamp.all(in: ByteBuffer(bytes: one.nalUnit)) == [one])
    }

    @Test("it stands before the first slice, after a delimiter (H.264, 7.4.1.2.3)")
    func place() {
        let slice = unit(0x65, [1, 2, 3])
        let delimiter = unit(9, [0xF0])
        let marked = stamp.inserted(into: ByteBuffer(bytes: delimiter + slice), lengthBytes: 4)
        let sei = [0, 0, 0, UInt8(stamp.nalUnit.count)] + stamp.nalUnit
        #expect(Array(marked.readableBytesView) == delimiter + sei + slice)
        let plain = stamp.inserted(into: ByteBuffer(bytes: slice), lengthBytes: 4)
        #expect(Array(plain.readableBytesView) == sei + slice)
        let short = stamp.inserted(into: ByteBuffer(bytes: [0, 2, 0x65, 1]), lengthBytes: 2)
        #expect(Array(short.readableBytesView) == [0, UInt8(stamp.nalUnit.count)] + stamp.nalUnit + [0, 2, 0x65, 1])
    }

    @Test("a stamp that something cut is passed over")
    func cut() {
        var bytes = stamp.nalUnit
        bytes[25] = 0x47
        #expect(FrameStamp.all(in: ByteBuffer(bytes: bytes + stamp.nalUnit)) == [stamp])
        for length in 0..<stamp.nalUnit.count - 1 {
            #expect(FrameStamp.all(in: ByteBuffer(bytes: stamp.nalUnit.prefix(length))).isEmpty)
        }
        // A delimiter that claims more than there is must not be believed.
        let odd = stamp.inserted(into: ByteBuffer(bytes: [0, 0, 0, 200, 9, 1]), lengthBytes: 4)
        #expect(FrameStamp.all(in: odd) == [stamp])
    }
}
