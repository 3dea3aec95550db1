/// An array that grows at its end and goes at its front: taking the first element away moves no other.
///
/// What has been taken away stays in memory until it is an eighth of all; then the rest moves up in one step. So an
/// element costs the same however many there are. Indices count from 0.
package struct SlidingArray<Element> {
    private var elements: [Element] = []
    /// Elements at the front that have been taken away.
    private var gone = 0

    package init() {}

    package mutating func append(_ element: Element) { elements.append(element) }

    /// Takes the first element away.
    @discardableResult
    package mutating func popFirst() -> Element? {
        guard gone < elements.count else { return nil }
        let first = elements[gone]
        gone += 1
        if gone > 16, gone * 8 > elements.count || gone == elements.count {
            elements.removeFirst(gone)
            gone = 0
        }
        return first
    }

    /// Takes the last element away.
    @discardableResult
    package mutating func popLast() -> Element? { gone < elements.count ? elements.removeLast() : nil }
}

extension SlidingArray: RandomAccessCollection, MutableCollection {
    package typealias Indices = Range<Int>
    package var startIndex: Int { 0 }
    package var endIndex: Int { elements.count - gone }

    package subscript(index: Int) -> Element {
        get {
            precondition(index >= 0, "Indices count from 0; what lies before has been taken away.")
            return elements[gone + index]
        }
        // In place: a copy of a segment would be one of its parts too.
        _modify {
            precondition(index >= 0, "Indices count from 0; what lies before has been taken away.")
            yield &elements[gone + index]
        }
    }
}

extension SlidingArray: Sendable where Element: Sendable {}
