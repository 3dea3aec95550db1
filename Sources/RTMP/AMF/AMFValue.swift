/// A value of AMF0, the subset of its types that publishers send.
indirect enum AMFValue: Equatable, Sendable {
    case number(Double)
    case boolean(Bool)
    case string(String)
    case object([(name: String, value: AMFValue)])
    case array([AMFValue])
    case date(Double)
    case null

    static func == (a: AMFValue, b: AMFValue) -> Bool {
        switch (a, b) {
        case (.number(let x), .number(let y)): x == y
        case (.boolean(let x), .boolean(let y)): x == y
        case (.string(let x), .string(let y)): x == y
        case (.date(let x), .date(let y)): x == y
        case (.array(let x), .array(let y)): x == y
        case (.null, .null): true
        case (.object(let x), .object(let y)):
            x.count == y.count && zip(x, y).allSatisfy { $0.name == $1.name && $0.value == $1.value }
        default: false
        }
    }

    subscript(name: String) -> AMFValue? {
        guard case .object(let properties) = self else { return nil }
        return properties.first { $0.name == name }?.value
    }

    var number: Double? { if case .number(let value) = self { value } else { nil } }
    var string: String? { if case .string(let value) = self { value } else { nil } }
}
