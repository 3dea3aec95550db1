/// What a viewer who joins at an access unit can decode.
package enum RandomAccess: Sendable, Equatable {
    /// It needs earlier frames.
    case none
    /// The picture becomes whole over so many frames: H.264 and HEVC recovery points of an encoder that refreshes
    /// gradually. No frame of them is whole by itself.
    case gradual(frames: Int)
    /// It can be decoded by itself, while frames that are shown before it may refer to what came before: an open group of
    /// pictures (an H.264 recovery point at an I picture, an HEVC CRA picture).
    case open
    /// It and all that follows can be decoded: H.264 and HEVC IDR pictures, HEVC BLA pictures, AV1 key frames.
    case closed

    /// Decoding can start here.
    var isEntry: Bool { self == .open || self == .closed }
}
