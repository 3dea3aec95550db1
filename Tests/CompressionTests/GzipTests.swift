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
        #expect([UInt8](output) == input)
        if count == 200_000 { #expect(packed.readableBytes < count / 2) }
    }
}
