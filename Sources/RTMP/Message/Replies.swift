import struct NIOCore.ByteBuffer

/// The messages that a server sends to a publisher.
struct Replies {
    var output = ByteBuffer()

    /// Acknowledgement window that is asked of the publisher, in bytes.
    private static let window: UInt32 = 2_500_000

    mutating func connectResult(transaction: Double) {
        ChunkWriter.control(5, Self.window, into: &output)
        ChunkWriter.control(6, Self.window, extra: 2, into: &output)
        ChunkWriter.control(1, ChunkWriter.chunkSize, into: &output)
        let codecs: [AMFValue] = ["avc1", "hvc1", "av01", "mp4a", "Opus"].map { .string($0) }
        command(
            [
                .string("_result"), .number(transaction),
                .object([
                    ("fmsVer", .string("FMS/3,5,7,7009")), ("capabilities", .number(31)), ("mode", .number(1)),
                ]),
                .object([
                    ("level", .string("status")), ("code", .string("NetConnection.Connect.Success")),
                    ("description", .string("Connection succeeded.")), ("objectEncoding", .number(0)),
                    ("fourCcList", .array(codecs)),
                ]),
            ], stream: 0)
    }

    mutating func connectRefused(transaction: Double, code: String, description: String) {
        command(
            [
                .string("_error"), .number(transaction), .null,
                .object([
                    ("level", .string("error")), ("code", .string(code)), ("description", .string(description)),
                ]),
            ], stream: 0)
    }

    /// `_result` without a value, for the calls that only want to be answered.
    mutating func result(transaction: Double, value: AMFValue? = nil) {
        command([.string("_result"), .number(transaction), .null] + (value.map { [$0] } ?? [.null]), stream: 0)
    }

    mutating func status(_ level: String, _ code: String, _ description: String, stream: UInt32) {
        command(
            [
                .string("onStatus"), .number(0), .null,
                .object([
                    ("level", .string(level)), ("code", .string(code)), ("description", .string(description)),
                ]),
            ], stream: stream)
    }

    mutating func streamBegin(_ stream: UInt32) { ChunkWriter.event(0, stream, into: &output) }
    mutating func pong(_ time: UInt32) { ChunkWriter.event(7, time, into: &output) }
    mutating func acknowledge(_ bytes: UInt32) { ChunkWriter.control(3, bytes, into: &output) }

    private mutating func command(_ values: [AMFValue], stream: UInt32) {
        var payload = ByteBuffer()
        for value in values { payload.write(amf: value) }
        ChunkWriter.write(type: 20, stream: stream, lane: 3, payload: payload, into: &output)
    }
}
