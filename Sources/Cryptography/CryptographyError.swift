import CCrypto

/// What can go wrong in this room.
package enum CryptographyError: Error, Equatable, Sendable, CustomStringConvertible {
    /// libcrypto refused: which call, and its own words.
    case refused(operation: String, reason: String)
    /// A certificate needs names, and each is a DNS name or an IP address.
    case invalidName(String)
    /// A certificate needs at least one name and at most 100.
    case invalidNameCount(Int)
    /// A certificate is valid for 1 to 3650 days.
    case invalidValidity(days: Int)

    package var description: String {
        switch self {
        case .refused(let operation, let reason): "libcrypto refused to \(operation): \(reason)"
        case .invalidName(let name): "\"\(name)\" is neither a DNS name nor an IP address"
        case .invalidNameCount(let count): "a certificate has 1 to 100 names, not \(count)"
        case .invalidValidity(let days): "a certificate is valid for 1 to 3650 days, not \(days)"
        }
    }

    /// The oldest error of libcrypto's queue, which is emptied.
    static func refusal(to operation: String) -> CryptographyError {
        let code = ERR_get_error()
        ERR_clear_error()
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return .refused(
            operation: operation, reason: code == 0 ? "no reason given" : String(decoding: bytes, as: UTF8.self))
    }
}
