import CFFmpeg

/// What libav refused, with its own words for why.
package struct LibavError: Error, Equatable, CustomStringConvertible {
    package let operation: String
    package let code: Int32

    package var description: String {
        var text = [CChar](repeating: 0, count: 128)
        av_strerror(code, &text, text.count)
        let words = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return "\(operation): \(String(decoding: words, as: UTF8.self))"
    }

    /// Turns a return code into an error: libav's are negative.
    static func check(_ code: Int32, _ operation: @autoclosure () -> String) throws(LibavError) {
        if code < 0 { throw LibavError(operation: operation(), code: code) }
    }
}
