extension Section {
    /// `listen` of a listener's section: one address, several, or `off`.
    func listen(standard: [ListenAddress], note: String? = nil) -> Setting<[ListenAddress]> {
        let written = standard.isEmpty ? "off" : standard.map(\.description).joined(separator: ", ")
        let setting = values("listen", .address, standard: note ?? written, off: true)
        return Setting(
            value: setting.value ?? standard, path: setting.path, place: setting.place, isSound: setting.isSound)
    }

    /// Reports a value that is larger than the one that bounds it.
    func requireOrder<Value: Comparable>(_ smaller: Setting<Value>, _ larger: Setting<Value>) {
        guard smaller.isSound, larger.isSound, smaller.value > larger.value, let place = smaller.place ?? larger.place
        else { return }
        decoding.report(
            place, .conflict("\"\(smaller.path)\" is larger than \"\(larger.path)\""),
            hint: "Lower the one or raise the other.")
    }

    /// Reports addresses that two listeners would both take, and TLS listeners without a certificate.
    func checkListeners(clear: [Setting<[ListenAddress]>], secure: [Setting<[ListenAddress]>], tls: TLSFiles?) {
        var taken: [ListenAddress: String] = [:]
        for setting in clear + secure {
            for address in setting.value where address.port != 0 {
                if let other = taken[address] {
                    decoding.report(
                        setting.place ?? place, .conflict("\"\(setting.path)\" takes \(address), as \"\(other)\" does"),
                        hint: "Give each listener a port of its own.")
                }
                taken[address] = setting.path
            }
        }
        guard tls == nil, !decoding.isDescribing else { return }
        for setting in secure where setting.isSound && !setting.value.isEmpty {
            guard let place = setting.place else { continue }
            decoding.report(
                place, .missingKey("tls", expected: "a certificate for \"\(setting.path)\""),
                hint: "Add \"tls: {certificate: PATH, key: PATH}\", or set \"\(setting.path)\" to off.")
        }
    }
}
