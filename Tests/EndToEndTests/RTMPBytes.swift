/// The bytes that a publisher sends on its way to a publish, so that a test can stop after any of them.
enum RTMPBytes {
    /// C0, C1 and any C2.
    static let handshake: [UInt8] = [3] + [UInt8](repeating: 0, count: 8) + [UInt8](repeating: 7, count: 1_528 + 1_536)
    static let connect = command([string("connect"), number(1), object([("app", string("live"))])])
    static let createStream = command([string("createStream"), number(2), [5]])
    /// A frame of H.264 without a configuration: something has been sent.
    static let frame = message(9, [0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 0x88], stream: 1)

    static func publish(_ key: String) -> [UInt8] {
        command([string("publish"), number(3), [5], string(key), string("live")], stream: 1)
    }

    /// Everything up to a first frame.
    static func whole(_ key: String) -> [UInt8] { handshake + connect + createStream + publish(key) + frame }

    /// A message of 128 bytes at most: one chunk.
    static func message(_ type: UInt8, _ payload: [UInt8], stream: UInt8 = 0) -> [UInt8] {
        [3, 0, 0, 0, 0, 0, UInt8(payload.count), type, stream, 0, 0, 0] + payload
    }

    private static func command(_ values: [[UInt8]], stream: UInt8 = 0) -> [UInt8] {
        message(20, values.flatMap { $0 }, stream: stream)
    }

    private static func string(_ text: String) -> [UInt8] { [2, 0, UInt8(text.utf8.count)] + Array(text.utf8) }

    private static func number(_ value: Double) -> [UInt8] {
        [0] + (0..<8).reversed().map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt64($0))) }
    }

    private static func object(_ fields: [(String, [UInt8])]) -> [UInt8] {
        [3] + fields.flatMap { [0, UInt8($0.0.utf8.count)] + Array($0.0.utf8) + $0.1 } + [0, 0, 9]
    }
}
