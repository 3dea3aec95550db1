#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// An address to listen on: an IP literal and a port, written `127.0.0.1:8080` or `[::1]:8443`.
package struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IPv4 or IPv6 literal, without brackets.
    package let host: String
    /// 0 asks the system for any free port.
    package let port: UInt16

    package init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    package var isIPv6: Bool { host.utf8.contains(UInt8(ascii: ":")) }

    package var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    static func read(_ text: String) throws(ValueFlaw) -> ListenAddress {
        guard let (host, port) = splitHostAndPort(text), let port else {
            throw .malformed(
                reason: "this is not an address and a port",
                hint: "Write for example 127.0.0.1:8080, or [::1]:8080 for IPv6.")
        }
        guard let number = UInt16(port), port.utf8.allSatisfy({ (48...57).contains($0) }) else {
            throw .malformed(reason: "the port \"\(port)\" is not one", hint: "Ports go from 0 to 65535.")
        }
        let address = ListenAddress(host: host, port: number)
        guard text.first == "[" ? IPLiteral.isIPv6(host) : IPLiteral.isIPv4(host) else {
            throw .malformed(reason: "\"\(host)\" is not an IP address", hint: hint(host: host, port: number))
        }
        return address
    }

    private static func hint(host: String, port: UInt16) -> String {
        switch host {
        case "localhost": "Write 127.0.0.1:\(port) or [::1]:\(port)."
        case "", "*": "Write 0.0.0.0:\(port) for every IPv4 address or [::]:\(port) for every address."
        default: "A listener takes an IP address of this machine, not a name."
        }
    }
}

/// IP addresses in text.
enum IPLiteral {
    static func isIPv4(_ text: String) -> Bool {
        var address = in_addr()
        return inet_pton(AF_INET, text, &address) == 1
    }

    static func isIPv6(_ text: String) -> Bool {
        var address = in6_addr()
        return inet_pton(AF_INET6, text, &address) == 1
    }
}

/// Splits `host:port`, `[v6]:port` or a host alone. Nil when brackets or colons make no sense; a port is nil if absent.
package func splitHostAndPort(_ text: some StringProtocol) -> (host: String, port: String?)? {
    if text.first == "[" {
        guard let end = text.firstIndex(of: "]") else { return nil }
        let host = String(text[text.index(after: text.startIndex)..<end])
        let rest = text[text.index(after: end)...]
        if rest.isEmpty { return (host, nil) }
        guard rest.first == ":" else { return nil }
        return (host, String(rest.dropFirst()))
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    switch parts.count {
    case 1: return (String(text), nil)
    case 2: return (String(parts[0]), String(parts[1]))
    default: return nil
    }
}

extension ValueKind where Value == ListenAddress {
    static var address: Self {
        ValueKind(
            expectation: "an address and port such as 127.0.0.1:8080",
            read: { text throws(ValueFlaw) in try ListenAddress.read(text) }, write: { $0.description })
    }
}
