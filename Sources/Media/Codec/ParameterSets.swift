/// The parameter sets of an H.264 or HEVC stream, by kind and number, in the order in which they came.
struct ParameterSets: Sendable, Equatable, Codable {
    /// Sequence, picture, or HEVC's video parameter set; H.264's extension counts as one of its own.
    enum Kind: Int, Sendable, Codable { case video, sequence, picture, supplement }

    struct Unit: Sendable, Equatable, Codable {
        let kind: Kind
        let id: UInt32
        /// The sequence parameter set that a picture parameter set names, the video parameter set that a sequence names.
        let parent: UInt32
        let bytes: [UInt8]
    }

    let isHEVC: Bool
    private(set) var units: [Unit] = []

    /// More are not kept. H.264 allows 32 sequence and 256 picture parameter sets: nobody sends as many.
    static let mostUnits = 64
    private static let mostBytes = 4_096

    init(codec: VideoCodec, _ sets: [[UInt8]] = []) {
        isHEVC = codec == .hevc
        for set in sets { take(set) }
    }

    var isEmpty: Bool { units.isEmpty }

    /// Takes a set, which replaces one of its kind and number. What is no readable parameter set is left out.
    mutating func take(_ bytes: [UInt8]) {
        guard let unit = unit(bytes) else { return }
        take(unit)
    }

    private mutating func take(_ unit: Unit) {
        if let place = units.firstIndex(where: { $0.kind == unit.kind && $0.id == unit.id }) {
            units[place] = unit
        } else if units.count < Self.mostUnits {
            units.append(unit)
        }
    }

    /// Takes all of another's.
    mutating func merge(_ other: ParameterSets) { for unit in other.units { take(unit) } }

    func of(_ kind: Kind) -> [Unit] { units.filter { $0.kind == kind } }

    /// Whether the first sequence is the one that a picture parameter set belongs to; true where that is not known.
    func leads(pictureSet id: UInt32?) -> Bool {
        guard let id, let picture = units.first(where: { $0.kind == .picture && $0.id == id }),
            let first = units.first(where: { $0.kind == .sequence })
        else { return true }
        return first.id == picture.parent || !units.contains { $0.kind == .sequence && $0.id == picture.parent }
    }

    /// The same with the sequence that a picture parameter set belongs to first: the one that is shown.
    func leading(pictureSet id: UInt32?) -> ParameterSets {
        guard let id, let picture = units.first(where: { $0.kind == .picture && $0.id == id }),
            let place = units.firstIndex(where: { $0.kind == .sequence && $0.id == picture.parent })
        else { return self }
        var sets = self
        sets.units.insert(sets.units.remove(at: place), at: 0)
        return sets
    }

    /// Whether both hold the same sets, in whatever order.
    func hasSameUnits(as other: ParameterSets) -> Bool {
        units.count == other.units.count && units.allSatisfy(other.units.contains)
    }

    private func unit(_ bytes: [UInt8]) -> Unit? {
        guard bytes.count >= 4, bytes.count <= Self.mostBytes else { return nil }
        return isHEVC ? Self.hevcUnit(bytes) : Self.h264Unit(bytes)
    }

    private static func h264Unit(_ bytes: [UInt8]) -> Unit? {
        var bits = BitReader(nalUnit: bytes.prefix(64))
        guard bits.skip(8) != nil else { return nil }
        switch bytes[0] & 31 {
        case 7:
            guard bits.skip(24) != nil, let id = bits.unsigned(), id < 32 else { return nil }
            return Unit(kind: .sequence, id: id, parent: 0, bytes: bytes)
        case 8:
            guard let id = bits.unsigned(), id < 256, let parent = bits.unsigned() else { return nil }
            return Unit(kind: .picture, id: id, parent: parent, bytes: bytes)
        case 13:
            guard let id = bits.unsigned(), id < 32 else { return nil }
            return Unit(kind: .supplement, id: id, parent: id, bytes: bytes)
        default: return nil
        }
    }

    private static func hevcUnit(_ bytes: [UInt8]) -> Unit? {
        var bits = BitReader(nalUnit: bytes.prefix(256))
        guard bits.skip(16) != nil else { return nil }
        switch bytes[0] >> 1 & 63 {
        case 32:
            guard let id = bits.read(4) else { return nil }
            return Unit(kind: .video, id: id, parent: 0, bytes: bytes)
        case 33:
            guard let set = HEVCSequenceParameterSet(nalUnit: bytes) else { return nil }
            return Unit(kind: .sequence, id: set.id, parent: set.videoSet, bytes: bytes)
        case 34:
            guard let id = bits.unsigned(), id < 64, let parent = bits.unsigned() else { return nil }
            return Unit(kind: .picture, id: id, parent: parent, bytes: bytes)
        default: return nil
        }
    }
}
