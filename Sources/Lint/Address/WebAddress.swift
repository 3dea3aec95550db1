/// An absolute http or https URL, and what a reference means beside it (RFC 3986, 5.2).
package struct WebAddress: Sendable, Hashable, CustomStringConvertible {
    package let isSecure: Bool
    /// Lower case, without brackets.
    package let host: String
    package let port: Int
    /// Path and query, `/` first, as it is sent.
    package let target: String

    private init(isSecure: Bool, host: String, port: Int, target: String) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.target = target
    }

    /// Nil when it is no such URL. User information is not taken, and a fragment is left out.
    package init?(_ text: String) {
        let isSecure: Bool
        let rest: Substring
        if text.lowercased().hasPrefix("https://") {
            (isSecure, rest) = (true, text.dropFirst(8))
        } else if text.lowercased().hasPrefix("http://") {
            (isSecure, rest) = (false, text.dropFirst(7))
        } else {
            return nil
        }
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        guard let (host, port) = Self.authority(rest[..<end], isSecure: isSecure) else { return nil }
        var target = String(rest[end...].prefix { $0 != "#" })
        if !target.hasPrefix("/") { target = "/" + target }
        guard Self.isSendable(target) else { return nil }
        self.init(isSecure: isSecure, host: host, port: port, target: Self.normalised(target))
    }

    private static func authority(_ text: Substring, isSecure: Bool) -> (String, Int)? {
        var host = text
        var port = isSecure ? 443 : 80
        let afterAddress = text.lastIndex(of: "]") ?? text.startIndex
        if let colon = text[afterAddress...].lastIndex(of: ":") {
            guard let number = Int(text[text.index(after: colon)...]), (1...65_535).contains(number) else { return nil }
            port = number
            host = text[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "@") }) else {
            return nil
        }
        return (host.lowercased(), port)
    }

    private static func isSendable(_ target: String) -> Bool {
        target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
    }

    package var description: String {
        let name = host.contains(":") ? "[\(host)]" : host
        let isDefault = port == (isSecure ? 443 : 80)
        return "\(isSecure ? "https" : "http")://\(name)\(isDefault ? "" : ":\(port)")\(target)"
    }

    /// The path alone.
    package var path: Substring { target.prefix { $0 != "?" } }

    /// What `reference` means in a document that was fetched from here; nil when it cannot be fetched.
    package func resolving(_ reference: String) -> WebAddress? {
        let text = reference.prefix { $0 != "#" }
        let beforeColon = text.prefix { $0 != ":" }
        let hasScheme =
            beforeColon.count < text.count && beforeColon.first?.isLetter == true
            && beforeColon.allSatisfy { $0.isLetter || $0.isNumber || "+-.".contains($0) }
        if hasScheme { return WebAddress(String(text)) }
        if text.hasPrefix("//") { return WebAddress((isSecure ? "https:" : "http:") + text) }
        guard Self.isSendable(String(text)) else { return nil }
        if text.isEmpty { return self }
        if text.hasPrefix("/") { return with(target: String(text)) }
        if text.hasPrefix("?") { return with(target: path + text) }
        let folder = path.lastIndex(of: "/").map { path[...$0] } ?? "/"
        return with(target: folder + text)
    }

    /// The same with one more item in its query.
    package func adding(query: String) -> WebAddress {
        with(target: target + (target.contains("?") ? "&" : "?") + query)
    }

    private func with(target: some StringProtocol) -> WebAddress {
        WebAddress(isSecure: isSecure, host: host, port: port, target: Self.normalised(String(target)))
    }

    /// Takes `.` and `..` out of the path (RFC 3986, 5.2.4).
    private static func normalised(_ target: String) -> String {
        let path = target.prefix { $0 != "?" }
        guard path.contains("/.") else { return target }
        var steps: [Substring] = []
        let parts = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        for (index, step) in parts.enumerated() {
            let isLast = index == parts.count - 1
            switch step {
            case ".": if isLast { steps.append("") }
            case "..":
                _ = steps.popLast()
                if isLast { steps.append("") }
            default: steps.append(step)
            }
        }
        return "/" + steps.joined(separator: "/") + target[path.endIndex...]
    }
}
