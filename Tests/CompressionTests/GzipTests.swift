import Compression
import Foundation
import Testing

import struct NIOCore.ByteBuffer

@Suite struct GzipTests {
    /// The `gzip` command is the other implementation that must read what we write.
    @Test(arguments: [0, 1, 1_000, 200_000])
    func gunzipGivesBackWhatWasCompressed(count: Int) throws {
        var generator = SystemRandomNumberGenerator()
        let input = (0..<count).map { _ in UInt8(truncatingIfNeeded: generator.next() % 7) + 48 }
        let packed = Gzip.compress(ByteBuffer(bytes: input))
        #expect(try gunzip(packed) == input)
        if count == 200_000 { #expect(packed.readableBytes < count / 2) }
    }

    /// Blocks may be shared by many members and stand in any order.
    @Test func blocksMakeOneMember() throws {
        let texts = ["", "head\n", String(repeating: "#EXTINF:2.00000,\n", count: 3_000), "tail\n"]
        let blocks = texts.map { Gzip.block(ByteBuffer(string: $0)) }
        for order in [[], [0], [1], [1, 2, 3], [3, 2, 2, 0, 1]] {
            var packed = ByteBuffer()
            for piece in Gzip.member(order.map { blocks[$0] }) { packed.writeImmutableBuffer(piece) }
            #expect(try gunzip(packed) == order.flatMap { Array(texts[$0].utf8) })
        }
        #expect(blocks[2].bytes.readableBytes < 1_000)
    }

    private func gunzip(_ packed: ByteBuffer) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["gzip", "-dc"]
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        try process.run()
        let packedData = Data(packed.readableBytesView)
        DispatchQueue.global().async {
            stdin.fileHandleForWriting.write(packedData)
            try? stdin.fileHandleForWriting.close()
        }
        let output = stdout.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()

        #expect(process.terminationStatus == 0)
        return [UInt8](output)
    }

    @Test("what was compressed is had back, within a limit")
    func decompress() {
        for count in [0, 1, 100_000] {
            let input = ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 3) })
            let packed = Gzip.compress(input)
            #expect(Gzip.decompress(packed, limit: count) == input)
            if count > 0 { #expect(Gzip.decompress(packed, limit: count - 1) == nil) }
            for cut in [0, 1, packed.readableBytes / 2, packed.readableBytes - 1] {
                let part = packed.getSlice(at: packed.readerIndex, length: cut)
                #expect(part.flatMap { Gzip.decompress($0, limit: count) } == nil)
            }
        }
        #expect(Gzip.decompress(ByteBuffer(string: "#EXTM3U and no gzip"), limit: 1_000) == nil)
    }
}
