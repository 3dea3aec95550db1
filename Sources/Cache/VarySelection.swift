import HTTP
import struct NIOCore.ByteBuffer

/// The second part of a key: the request fields that an answer's Vary names, in a form in which requests that mean the
/// same are the same (RFC 9111, 4.1).
package struct VarySelection: Sendable, Equatable {
    /// Names in lower case and their values' canonical form, nil where the request lacks the field.
    private var members: [(name: HTTPBytes, value: [UInt8]?)] = []
    /// The language of the answer, where it varies by language and says which one it is in.
    private var language: [UInt8]?

    /// Selects nothing: every request matches.
    package init() {}

    /// What of `request` the answer `response` depends on.
    package init(_ response: HTTPFields, request: HTTPFields) {
        for name in Self.names(response) {
            let value = Self.canonical(name, of: request)
            members.append((name, value))
            if name.isEqual(to: "accept-language"), let own = response.first("content-language") {
                language = own.map(Self.lowercased)
            }
        }
        // A coding that was chosen is a choice, whether or not the origin says so.
        if response.contains("content-encoding"), !members.contains(where: { $0.name.isEqual(to: "accept-encoding") }) {
            members.append((Self.acceptEncoding, Self.canonical(Self.acceptEncoding, of: request)))
        }
    }

    package var isEmpty: Bool { members.isEmpty }

    /// Bytes that the selection costs.
    var byteCount: Int { members.reduce(0) { $0 + $1.name.count + ($1.value?.count ?? 0) + 64 } }

    /// Whether the answer that was selected so may be given to this request.
    package func matches(_ request: HTTPFields) -> Bool {
        members.allSatisfy { name, value in
            let asked = Self.canonical(name, of: request)
            if asked == value { return true }
            // The language that the request likes best is the one that is held.
            guard let language, name.isEqual(to: "accept-language"), let asked else { return false }
            let best = asked.prefix { $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: ";") }
            return best.elementsEqual(language)
        }
    }

    package static func == (a: VarySelection, b: VarySelection) -> Bool {
        a.members.elementsEqual(b.members) { $0.name == $1.name && $0.value == $1.value }
    }

    /// `Vary: *`, alone or among others: no request selects it again.
    package static func isUnbounded(_ response: HTTPFields) -> Bool {
        response.all("vary").contains { line in ListMembers(line).contains { $0.isEqual(to: "*") } }
    }

    private static let acceptEncoding = HTTPBytes("accept-encoding")

    private static func names(_ response: HTTPFields) -> [HTTPBytes] {
        var names: [HTTPBytes] = []
        for line in response.all("vary") {
            for member in ListMembers(line) {
                let name = member.map(lowercased)[...]
                if !names.contains(name) { names.append(name) }
            }
        }
        return names
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }

    /// Lines joined, blanks around members removed; codings folded into two classes, languages in order of preference.
    private static func canonical(_ name: HTTPBytes, of request: HTTPFields) -> [UInt8]? {
        if name.isEqual(to: "accept-encoding") {
            return ContentCoding.negotiate(request, offered: [.gzip]) == .gzip ? [1] : [0]
        }
        var members: [HTTPBytes] = []
        var isThere = false
        for (field, value) in request where field == name {
            isThere = true
            members += ListMembers(value)
        }
        guard isThere else { return nil }
        if name.isEqual(to: "accept-language") { members = languages(members) }
        return Array(members.joined(separator: [UInt8(ascii: ",")]))
    }

    /// Best first, equals by name, in lower case; weights below 1 in thousandths.
    private static func languages(_ members: [HTTPBytes]) -> [HTTPBytes] {
        let weighed = members.map { member -> (name: HTTPBytes, weight: Int) in
            let parts = member.map(lowercased).split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
            let name = parts.first?.trimmingBlanks() ?? []
            let quality = parts.dropFirst().first?.trimmingBlanks() ?? []
            return (name, quality.starts(with: "q=".utf8) ? weight(quality.dropFirst(2)) : 1_000)
        }
        return weighed.filter { $0.weight > 0 }
            .sorted { a, b in a.weight != b.weight ? a.weight > b.weight : a.name.lexicographicallyPrecedes(b.name) }
            .map { $0.weight == 1_000 ? $0.name : ($0.name + Array(";\($0.weight)".utf8)) }
    }

    /// Thousandths of a weight with up to three decimals (RFC 9110, 12.4.2); what is malformed counts as 0.
    private static func weight(_ text: HTTPBytes) -> Int {
        guard let first = text.first, first == 0x30 || first == 0x31, text.count <= 5 else { return 0 }
        let decimals = text.dropFirst(2).prefix(3)
        guard text.count == 1 || text[text.startIndex + 1] == UInt8(ascii: "."),
            let fraction = (Array(decimals) + Array(repeating: 0x30, count: 3 - decimals.count))[...].decimalValue
        else { return 0 }
        return min(1_000, first == 0x31 ? 1_000 : fraction)
    }
}

// MARK: - In a file

extension VarySelection {
    /// A count, and each name with its value, which may be missing; then the language.
    func write(into bytes: inout ByteBuffer) {
        bytes.writeInteger(UInt32(clamping: members.count))
        for (name, value) in members {
            bytes.writeText(name)
            bytes.writeInteger(value == nil ? 0 : 1, as: UInt8.self)
            bytes.writeText(value ?? [])
        }
        bytes.writeInteger(language == nil ? 0 : 1, as: UInt8.self)
        bytes.writeText(language ?? [])
    }

    init?(reading bytes: inout ByteBuffer) {
        guard let count = bytes.readInteger(as: UInt32.self), count <= bytes.readableBytes else { return nil }
        for _ in 0..<count {
            guard let name = bytes.readText(), let isThere = bytes.readInteger(as: UInt8.self),
                let value = bytes.readText()
            else { return nil }
            members.append((name, isThere == 1 ? Array(value) : nil))
        }
        guard let hasLanguage = bytes.readInteger(as: UInt8.self), let text = bytes.readText() else { return nil }
        language = hasLanguage == 1 ? Array(text) : nil
    }
}
