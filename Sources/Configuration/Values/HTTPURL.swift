/// An `http` or `https` URL without user, password or fragment.
package struct HTTPURL: Hashable, Sendable, CustomStringConvertible {
    /// True for `https`.
    package let isSecure: Bool
    /// A lower-case name or an IP literal, IPv6 without brackets.
    package let host: String
    package let port: UInt16
    /// Path and query, from `/` on.
    package let target: String

    package init(isSecure: Bool, host: String, port: UInt16, target: String = "/") {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.target = target
    }

    /// `host` or `host:port` as a Host header or `:authority` has it: the port only where it is not the scheme's own.
    package var authority: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    package var description: String {
        "\(isSecure ? "https" : "http")://\(authority)\(target == "/" ? "" : target)"
    }

    package static func read(_ text: String) throws(ValueFlaw) -> HTTPURL {
        let example = "Write for example https://origin.example.net:8443."
        let lowered = text.lowercased()
        guard lowered.hasPrefix("https://") || lowered.hasPrefix("http://") else {
            throw .malformed(reason: "this is not an http or https URL", hint: example)
        }
        let isSecure = lowered.hasPrefix("https://")
        let rest = text.dropFirst(isSecure ? 8 : 7)
        let authority = rest.prefix { !"/?#".contains($0) }
        var target = String(rest.dropFirst(authority.count))
        if target.first != "/" { target = "/" + target }
        guard text.utf8.count <= 2048, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .malformed(reason: "a URL is at most 2048 characters of ASCII without spaces", hint: example)
        }
        guard !authority.contains("@") else {
            throw .malformed(reason: "a user or password cannot stand here", hint: example)
        }
        guard !target.contains("#") else {
            throw .malformed(reason: "a fragment (\"#...\") cannot stand here", hint: "Remove it.")
        }
        guard let (host, portText) = splitHostAndPort(authority), isHost(host, bracketed: authority.first == "[") else {
            throw .malformed(reason: "\"\(authority)\" is not a host", hint: example)
        }
        var port: UInt16 = isSecure ? 443 : 80
        if let portText {
            guard let number = UInt16(portText), number > 0, portText.utf8.allSatisfy({ (48...57).contains($0) }) else {
                throw .malformed(reason: "the port \"\(portText)\" is not one", hint: "Ports go from 1 to 65535.")
            }
            port = number
        }
        return HTTPURL(isSecure: isSecure, host: host.lowercased(), port: port, target: target)
    }

    private static func isHost(_ host: String, bracketed: Bool) -> Bool {
        if bracketed { return IPLiteral.isIPv6(host) }
        if IPLiteral.isIPv4(host) { return true }
        guard !host.isEmpty, host.utf8.count <= 253 else { return false }
        return host.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                && label.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") }
        }
    }
}

extension ValueKind where Value == HTTPURL {
    /// Scheme, host and port alone.
    package static var origin: Self {
        ValueKind(
            expectation: "a URL such as https://127.0.0.1:8443",
            read: { text throws(ValueFlaw) in
                let url = try HTTPURL.read(text)
                guard url.target == "/" else {
                    throw .malformed(
                        reason: "a path cannot stand here",
                        hint: "Write \"\(HTTPURL(isSecure: url.isSecure, host: url.host, port: url.port))\".")
                }
                return url
            },
            write: { $0.description })
    }
}
