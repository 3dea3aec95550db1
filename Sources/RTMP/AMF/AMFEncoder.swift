import struct NIOCore.ByteBuffer

extension ByteBuffer {
    /// Appends a value in AMF0.
    mutating func write(amf value: AMFValue) {
        switch value {
        case .number(let number):
            writeInteger(UInt8(0))
            writeInteger(number.bitPattern)
        case .boolean(let flag):
            writeInteger(UInt8(1))
            writeInteger(UInt8(flag ? 1 : 0))
        case .string(let text):
            writeInteger(UInt8(2))
            write(amfName: text)
        case .object(let properties):
            writeInteger(UInt8(3))
            for property in properties {
                write(amfName: property.name)
                write(amf: property.value)
            }
            writeBytes([0, 0, 9])
        case .array(let values):
            writeInteger(UInt8(10))
            writeInteger(UInt32(clamping: values.count))
            for value in values { write(amf: value) }
        case .date(let milliseconds):
            writeInteger(UInt8(11))
            writeInteger(milliseconds.bitPattern)
            writeInteger(UInt16(0))
        case .null: writeInteger(UInt8(5))
        }
    }

    private mutating func write(amfName text: String) {
        let bytes = Array(text.utf8.prefix(Int(UInt16.max)))
        writeInteger(UInt16(clamping: bytes.count))
        writeBytes(bytes)
    }
}
