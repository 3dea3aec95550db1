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

    private static func string(_ text: String) -> [UInt8] { [2] + name(text) }

    private static func name(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        return [0, UInt8(bytes.count)] + bytes
    }

    private static func number(_ value: Double) -> [UInt8] {
        var bytes: [UInt8] = [0]
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
        }
        return bytes
    }

    private static func object(_ fields: [(String, [UInt8])]) -> [UInt8] {
        var bytes: [UInt8] = [3]
        for (key, value) in fields { bytes += name(key) + value }
        return bytes + [0, 0, 9]
    }
}
