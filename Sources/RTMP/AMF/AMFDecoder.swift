import struct NIOCore.ByteBuffer

/// Reads AMF0 (Adobe's AMF0 specification, 2), its depth and number of values bounded.
struct AMFDecoder {
    private var bytes: ByteBuffer
    private var valuesLeft: Int
    private let limits: RTMPLimits
    /// What is wrong with an object, where what came before is to be given.
    private var fault: CloseReason?
    private var isLenient = false
    /// The rest is in AMF3, of which nothing is read.
    private(set) var endsInAMF3 = false

    init(_ bytes: ByteBuffer, limits: RTMPLimits) {
        self.bytes = bytes
        self.limits = limits
        valuesLeft = limits.amfValues
    }

    /// All values to the end of the message.
    mutating func all() throws(CloseReason) -> [AMFValue] {
        var values: [AMFValue] = []
        while bytes.readableBytes > 0, let value = try next() { values.append(value) }
        return values
    }

    /// What can be read, down to the properties before a fault in an object, and the fault.
    mutating func salvage() -> (values: [AMFValue], fault: CloseReason?) {
        isLenient = true
        var values: [AMFValue] = []
        do throws(CloseReason) {
            while bytes.readableBytes > 0, fault == nil, let value = try next() { values.append(value) }
        } catch {
            fault = error
        }
        return (values, fault)
    }

    /// The next value, or nil when the rest is in AMF3, which says nothing that is needed here.
    mutating func next() throws(CloseReason) -> AMFValue? { try value(depth: 0) }

    private mutating func value(depth: Int) throws(CloseReason) -> AMFValue? {
        guard depth <= limits.amfDepth else { throw .nestingTooDeep(limit: limits.amfDepth) }
        valuesLeft -= 1
        guard valuesLeft >= 0 else { throw .tooManyValues(limit: limits.amfValues) }
        switch try read(UInt8.self) {
        case 0: return .number(Double(bitPattern: try read(UInt64.self)))
        case 1: return .boolean(try read(UInt8.self) != 0)
        case 2: return .string(try text(Int(try read(UInt16.self))))
        case 3: return try object(depth: depth)
        case 5, 6, 13: return .null
        case 7:
            _ = try read(UInt16.self)
            return .null
        case 8:
            // The count of an ECMA array is a hint; the end marker decides.
            _ = try read(UInt32.self)
            return try object(depth: depth)
        case 10: return try array(depth: depth)
        case 11:
            let milliseconds = Double(bitPattern: try read(UInt64.self))
            _ = try read(UInt16.self)
            return .date(milliseconds)
        case 12, 15: return .string(try text(Int(try read(UInt32.self))))
        case 16:
            _ = try text(Int(try read(UInt16.self)))
            return try object(depth: depth)
        case 17:
            bytes.moveReaderIndex(to: bytes.writerIndex)
            endsInAMF3 = true
            return nil
        case let marker: throw .malformedValue("AMF0 type \(marker) is unknown")
        }
    }

    private mutating func object(depth: Int) throws(CloseReason) -> AMFValue {
        var properties: [(name: String, value: AMFValue)] = []
        do throws(CloseReason) {
            try read(&properties, depth: depth)
        } catch {
            guard isLenient, depth == 0 else { throw error }
            fault = error
        }
        return .object(properties)
    }

    private mutating func read(
        _ properties: inout [(name: String, value: AMFValue)], depth: Int
    ) throws(CloseReason) {
        while true {
            let length = Int(try read(UInt16.self))
            if length == 0, bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) == 9 {
                return bytes.moveReaderIndex(forwardBy: 1)
            }
            let name = try text(length)
            guard let value = try value(depth: depth + 1) else { return }
            properties.append((name, value))
            // Some encoders leave the end marker of the last object out.
            if bytes.readableBytes == 0 { return }
        }
    }

    private mutating func array(depth: Int) throws(CloseReason) -> AMFValue {
        let count = Int(try read(UInt32.self))
        guard count <= limits.amfValues else { throw .tooManyValues(limit: limits.amfValues) }
        var values: [AMFValue] = []
        for _ in 0..<count {
            guard let value = try value(depth: depth + 1) else { break }
            values.append(value)
        }
        return .array(values)
    }

    private mutating func text(_ length: Int) throws(CloseReason) -> String {
        guard length <= bytes.readableBytes, let text = bytes.readBytes(length: length) else {
            throw .malformedValue("a string is longer than its message")
        }
        return String(decoding: text, as: UTF8.self)
    }

    private mutating func read<Value: FixedWidthInteger>(_ type: Value.Type) throws(CloseReason) -> Value {
        guard let value = bytes.readInteger(as: type) else {
            throw .malformedValue("it ends too early")
        }
        return value
    }
}
